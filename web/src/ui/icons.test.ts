import { readdirSync, readFileSync } from 'node:fs';
import { compile } from 'svelte/compiler';
import { expect, test } from 'vitest';
import { iconProps, iconSource } from '../../icons.ts';

const lucide = (name: string) => readFileSync(`node_modules/@lucide/svelte/dist/icons/${name}.svelte`, 'utf8');

test('an icon is a template that compiles, with the shapes and the classes that Lucide gives it', () => {
  const hash = iconSource(lucide('hash'));
  expect(hash).toContain('<line x1="4" x2="20" y1="9" y2="9" />');
  expect(hash).toContain('class="lucide lucide-hash"');
  expect(compile(hash, { runes: true }).warnings).toEqual([]);
  expect(() => iconSource('<script>const iconData = other;</script>')).toThrow('see icons.ts');
});

test('what the page gives to icons is what they take', () => {
  for (const file of readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.svelte'))) {
    const text = readFileSync(`src/${file}`, 'utf8');
    for (const [, name] of text.matchAll(/import (\w+) from '@lucide\/svelte\/icons\/[\w-]+'/g)) {
      for (const [tag, attributes = ''] of text.matchAll(new RegExp(`<${name}\\b((?:\\s+[\\w:-]+(?:=(?:"[^"]*"|\\{[^}]*(?:\\{[^}]*\\}[^}]*)*\\}))?)*)\\s*/>`, 'g'))) {
        const given = [...attributes.matchAll(/([\w:-]+)(?:=(?:"[^"]*"|\{[^}]*(?:\{[^}]*\}[^}]*)*\}))?/g)].map(([, prop]) => prop);
        expect([file, tag, given.filter((prop) => !iconProps.includes(prop!))]).toEqual([file, tag, []]);
      }
    }
  }
});
