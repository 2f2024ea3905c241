import type {ReactNode} from 'react';
import Safety from './_safety.mdx';

interface Step {
  name: string;
  text: string;
}

interface Props {
  title: string;
  difficulty?: 'beginner' | 'expert';
  steps: Step[];
  children?: ReactNode;
}

const LEVELS: Record<string, string> = {beginner: 'For beginners', expert: 'For experts'};

const Exercise = ({title, difficulty = 'beginner', steps, children}: Props): ReactNode => {
  return (
    <section>
      <h3 id="exercise">{title}</h3>
      <p>{LEVELS[difficulty]} ({steps.length} steps)</p>
      <Safety />
      <ol>
        {steps.map(({name, text}) => <li key={name}><b>{name}.</b> {text}</li>)}
      </ol>
      <div>{children}</div>
      <p>Hand in your work before Friday.</p>
    </section>
  );
};

export default Exercise;
