"""What components of a site's own show: their texts as a reader sees them at first, and those behind their buttons."""

from __future__ import annotations

from pathlib import Path

import pytest
from folder import page, write

CARDS = """
import React, {useState, Component} from 'react';
import useDocusaurusContext from '@docusaurus/useDocusaurusContext';

export function Quiz(props) {
  const {questions, title: heading = 'A quiz'} = props;
  const [current, setCurrent] = useState<number>(0);
  const question = questions[current];
  return <div><h3>{heading}</h3><p>Question {current + 1} of {questions.length}: {question.text}</p></div>;
}

export class Choice extends Component {
  render() {
    const {answers} = this.props;
    return <ul>{Object.entries(answers).map(([key, text]) => <li key={key}>{key}) {text}</li>)}</ul>;
  }
}

export const Hint = ({hint, children}) => {
  const [open, setOpen] = useState(false);
  return <div>{children}<button>{open ? 'Hide the hint' : 'Show the hint'}</button></div>;
};

export const Tip = ({explanation, children}) => <abbr>{children}</abbr>;

const Box = ({children}) => <p>Boxed: {children}</p>;
Box.Note = ({children}) => <p>Noted: {children}</p>;
export default Box;

export const Name = ({name, children}) => <i>{typeof children === 'string' ? children : name}</i>;

export const Letters = ({count}) => (
  <ul>{Array.from({length: count}, (_, i) => <li key={i}>Answer {String.fromCharCode(65 + i)} of {count}</li>)}</ul>
);

export const Site = () => {
  const {siteConfig: {title, customFields}, i18n} = useDocusaurusContext();
  return <p>The {title}, {customFields.edition} edition, in {i18n.currentLocale}</p>;
};

export const First = ({words, count}) => <p>{words.slice(0, count.missing).join(' ')}still here</p>;
"""


def texts(folder: Path, body: str) -> list[str]:
    imports = "import Box, {Quiz, Choice, Hint, Tip, First, Name, Letters, Site} from './cards';\n"
    imports += "import * as widgets from './cards';\n\n"
    config = "export default {title: 'handbook', url: 'x', presets: ['classic'], customFields: {edition: 'second'}};"
    write(folder, {"docs/page.mdx": imports + body, "docs/cards.tsx": CARDS, "docusaurus.config.mjs": config})
    found = page(folder / "docs", "page.mdx").sections
    return [text for section in found for text in (*section.path[1:], *(block.text for block in section.blocks))]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "<Quiz questions={[{text: 'What is one?'}, {text: 'What is two?'}]} />",
            ["A quiz", "Question 1 of 2: What is one?\nWhat is two?"],
        ),
        ("<Choice answers={{A: 'four', B: 'seven'}} />", ["A) four\nB) seven"]),
        ("<Hint hint='Look at the plus.'>Add them.</Hint>", ["Add them.", "Show the hint", "Look at the plus."]),
        ("See <Tip explanation='The time it takes.'>latency</Tip> here.", ["See latency here.", "The time it takes."]),
        ("<Box.Note>a *word*</Box.Note> and <Box>more</Box>", ["Noted: a word\nand\nBoxed: more"]),
        ("<First words={['It', 'is']} count={{}} />", ["It is", "still here"]),
        ("<Letters count={2} />", ["Answer A of 2", "Answer B of 2"]),
        ("<Site />", ["The handbook, second edition, in en"]),
        ("<widgets.Hint hint='Go on.'>More.</widgets.Hint>", ["More.", "Go on."]),
        ("<Name name='Servo' />", ["Servo"]),
        ("{Object.keys({one: 1, two: 2}).map((key) => <p key={key}>{key}</p>)}", ["one\ntwo"]),
    ],
)  # fmt: skip
def test_component_shows_what_a_reader_may_come_to_see(tmp_path: Path, body: str, expected: list[str]) -> None:
    found = "\n".join(texts(tmp_path, body))
    for text in "\n".join(expected).split("\n"):
        assert text in found
    assert "  " not in found
