import { expect, test } from 'vitest';
import type { Directory } from './directory.ts';
import { HubbubError } from './errors.ts';
import { Preferences, type StoredPreferences } from './preferences.ts';

/** A server that keeps preferences. */
class Keeper {
  kept: StoredPreferences = { version: 0, values: {} };
  /** Called before it takes something. */
  before: () => void = () => undefined;
  readonly directory = {
    preferences: async () => this.kept,
    putPreferences: async (p: StoredPreferences) => {
      this.before();
      if (p.version !== this.kept.version) throw new HubbubError('conflict', 'changed elsewhere');
      return (this.kept = { version: p.version + 1, values: p.values });
    },
  } as unknown as Directory;
}

test('a change is seen at once, and kept; what is unknown stays', async () => {
  const keeper = new Keeper();
  keeper.kept = { version: 3, values: { newer: 1 } };
  const mine = new Preferences(keeper.directory);
  await mine.renew();
  const done = mine.change(() => ({ a: 1 }));
  await Promise.resolve();
  await Promise.resolve();
  expect(mine.values).toEqual({ newer: 1, a: 1 });
  await done;
  expect(keeper.kept).toEqual({ version: 4, values: { newer: 1, a: 1 } });
});

test('two devices that change them at once lose nothing', async () => {
  const keeper = new Keeper();
  const mine = new Preferences(keeper.directory);
  keeper.before = () => {
    keeper.before = () => undefined;
    keeper.kept = { version: 1, values: { list: ['theirs'] } };
  };
  const add = (what: string) => mine.change((v) => ({ list: [...((v['list'] as string[] | undefined) ?? []), what] }));
  await Promise.all([add('mine'), add('also mine')]);
  expect(keeper.kept).toEqual({ version: 3, values: { list: ['theirs', 'mine', 'also mine'] } });
  expect(mine.values).toEqual(keeper.kept.values);
});

test('a change that is not taken is taken back', async () => {
  const keeper = new Keeper();
  const mine = new Preferences(keeper.directory);
  keeper.before = () => {
    throw new HubbubError('unavailable', 'not now');
  };
  await expect(mine.change(() => ({ a: 1 }))).rejects.toThrow();
  expect(mine.values).toEqual({});
});
