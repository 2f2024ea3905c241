import React from 'react';
import Shared from './_shared.mdx';

export default function Wrapper(): JSX.Element {
  return (
    <div className="wrapper">
      <Shared />
    </div>
  );
}
