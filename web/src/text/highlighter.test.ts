import { expect, test } from 'vitest';
import { tokens } from './highlighter.ts';

test.each<[string, string, string[]]>([
  ['go', 'func main() { x("a") } // b', ['keyword:func', 'name:main', 'string:"a"', 'comment:// b']],
  ['ts', 'const a: number = 1;', ['keyword:const', 'name:a', 'name:number', 'number:1']],
  ['c++', 'int a = 0x1F;', ['name:int', 'number:0x1F']],
  ['html', '<p class="x">a</p>', ['keyword:p', 'name:class', 'string:"x"', 'keyword:p']],
  ['diff', '-a\n+b', ['removed:-a', 'added:+b']],
])('%s: %j', async (language, code, colored) => {
  const all = (await tokens(code, language))!;
  expect(all.map(([, text]) => text).join('')).toBe(code);
  expect(all.filter(([kind]) => kind).map((t) => t.join(':'))).toEqual(colored);
});

test('a language that nobody knows has no colours', async () => {
  expect(await tokens('a', 'klingon')).toBeUndefined();
  expect(await tokens('a', 'constructor')).toBeUndefined();
});
