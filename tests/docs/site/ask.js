import React from 'react';
import AskDocent from '@site/src/components/AskDocent';

export default function Ask() {
  return <AskDocent />;
}
