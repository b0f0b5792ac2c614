import { expect, test } from 'vitest';
import { shadowed } from '../../embedbuild.ts';

test('style sheets of the page become those of a shadow tree', () => {
  for (const [page, element] of [
    [':root{--a:1}', ':host{--a:1}'],
    [":root[data-theme='dark']{color-scheme:dark}", ':host([theme=dark]){color-scheme:dark}'],
    [':root[data-theme=dark] a{}', ':host([theme=dark]) a{}'],
    ['[data-density=compact] article.x{}', ':host([compact]) article.x{}'],
    ['p{font-size:.9375rem;margin:2rem}', 'p{font-size:calc(var(--hubbub-font-size, 16px) * .9375);margin:calc(var(--hubbub-font-size, 16px) * 2)}'],
    ['@media (max-width:720px){p{}}', '@container hubbub (max-width:720px){p{}}'],
    ['@media (width<=720px){p{}}', '@container hubbub (width<=720px){p{}}'],
    ['@media (pointer:coarse){p{}}', '@media (pointer:coarse){p{}}'],
    ['a{max-width:calc(100vw - 24px)}', 'a{max-width:calc(100cqi - 24px)}'],
    ['.a1rem{}', '.a1rem{}'],
  ]) expect(shadowed(page!)).toBe(element);
});
