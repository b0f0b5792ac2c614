import { expect, test } from 'vitest';
import { HubbubError } from './errors.ts';
import { HostSession } from './hostsession.ts';

const ada = { id: 'ada', name: 'Ada', guest: false };
const unauthorized = () => Promise.reject(new HubbubError('unauthorized', 'no'));

test('a request that is refused is made again with the next token, which is asked for once', async () => {
  let asked = 0;
  const session = new HostSession(ada, 'one', (fresh) => Promise.resolve(fresh ? `two ${++asked}` : 'one'));
  const call = () => session.call((token) => (token === 'one' ? unauthorized() : Promise.resolve(token)));
  expect(await Promise.all([call(), call()])).toEqual(['two 1', 'two 1']);
  expect(await session.token()).toBe('two 1');
});

test('a page that has no other token has logged its user out', async () => {
  for (const next of [undefined, '', 'one']) {
    const session = new HostSession(ada, 'one', () => Promise.resolve(next));
    await expect(session.token(true)).rejects.toMatchObject({ code: 'unauthorized' });
    expect(await session.token()).toBe('one');
  }
});

test('other errors are not the token’s, and a token that the page gives by itself is taken', async () => {
  const session = new HostSession(ada, 'one', () => Promise.reject(new Error('asked')));
  await expect(session.call(() => Promise.reject(new HubbubError('forbidden', 'no')))).rejects.toMatchObject({ code: 'forbidden' });
  session.take('two');
  expect(await session.call((token) => Promise.resolve(token))).toBe('two');
});
