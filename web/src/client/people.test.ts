import { expect, test } from 'vitest';
import { People } from './people.ts';

test('names of those who have not been heard of for long are let go', () => {
  const people = new People();
  people.met('ada', 'Ada');
  people.met('bo', 'Bo');
  for (let i = 0; i < 4_998; i++) people.met(`u${i}`, `User ${i}`);
  people.met('ada', 'Ada L');
  people.met('one-more', 'One more');
  expect(people.name('bo')).toBeUndefined();
  expect(people.name('ada')).toBe('Ada L');
  expect(people.name('u0')).toBe('User 0');
});
