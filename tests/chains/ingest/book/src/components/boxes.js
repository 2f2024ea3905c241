import React from 'react';

export function Hint(props) {
  return <div className="hint"><p>A hint for you:</p>{props.children}</div>;
}

export const Solution = ({children, code}) => (
  <details>
    <summary>Solution</summary>
    {children}
    <pre><code>{code}</code></pre>
  </details>
);
