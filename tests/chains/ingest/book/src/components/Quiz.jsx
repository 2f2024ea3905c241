import React, {useState} from 'react';
import clsx from 'clsx';

/** A question with answers to choose from. */
export default function Quiz({question, options, answer, explanation}) {
  const [chosen, setChosen] = useState(null);
  return (
    <div className={clsx('quiz', 'quiz--boxed')} style={{padding: 12, border: '1px solid grey'}}>
      <p className="question">
        <strong>Question:</strong> {question}
      </p>
      <ul>
        {options.map((option, index) => (
          <li key={index}>
            <button type="button" onClick={() => setChosen(index)}>{option}</button>
          </li>
        ))}
      </ul>
      {chosen !== null && <p>{chosen === answer ? 'Well done!' : 'Try once more.'}</p>}
      <details>
        <summary>Show the explanation</summary>
        {explanation}
      </details>
    </div>
  );
}
