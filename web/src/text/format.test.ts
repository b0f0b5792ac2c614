import { expect, test } from 'vitest';
import { format } from './format.ts';

const short = (text: string) => format(text, 'Ada').map((r) => `${r.kind}${r.me ? '!' : ''}:${r.text}`);

test.each<[string, string[]]>([
  ['plain', ['text:plain']],
  ['see https://a.example/b and @bo, @ada', ['text:see ', 'link:https://a.example/b', 'text: and ', 'mention:@bo', 'text:, ', 'mention!:@ada']],
  ['run `ls @ada https://a.example` now', ['text:run ', 'code:ls @ada https://a.example', 'text: now']],
  ['so:\n```go\nfunc main() {\n\tx()\n}\n```\ndone', ['text:so:', 'block:func main() {\n\tx()\n}', 'text:done']],
  ['```one line```', ['block:one line']],
  ['```\n<b>`x`</b>\n```', ['block:<b>`x`</b>']],
  ['```\nnot closed', ['text:```\nnot closed']],
  ['a ` b', ['text:a ` b']],
  ['` ` and ``', ['text:` ` and ``']],
  ['https://a.example/@ada', ['link:https://a.example/@ada']],
])('%j', (text, runs) => {
  expect(short(text)).toEqual(runs);
});

test('a text of backticks alone takes no time', () => {
  expect(format('`'.repeat(8_192), 'Ada').map((r) => r.text).join('').length).toBeLessThanOrEqual(8_192);
});
