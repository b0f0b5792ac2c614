import { expect, test } from 'vitest';
import { withVisibleBidiControls, isolate, withoutBidiControls } from './bidi.ts';

test('marks that reorder are taken out of texts, and shown in code', () => {
  expect(withoutBidiControls('a\u202Egpj.exe\u202C \u2067b\u2069 \u2066c\u200Fd')).toBe('agpj.exe b c\u200Fd');
  expect(withVisibleBidiControls('if admin\u202E \u2066{')).toBe('if admin[U+202E] [U+2066]{');
});

test.each([
  ['Ada', 'Ada'],
  ['Zoë 李四', 'Zoë 李四'],
  ['שרה', '\u2068שרה\u2069'],
  ['Bo علي', '\u2068Bo علي\u2069'],
  ['\u2069שרה\u202E', '\u2068שרה\u2069'],
])('%j stands in a string as %j', (name, want) => {
  expect(isolate(name)).toBe(want);
});
