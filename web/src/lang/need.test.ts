import { beforeEach, expect, test, vi } from 'vitest';
import type { CataloguePart } from './catalogues.ts';
import type { Language } from './languages.ts';

/** The loads that wait for an answer, and how each is answered. */
const loads: { readonly part: CataloguePart; readonly language: Language; readonly arrive: () => void; readonly fail: () => void }[] = [];

vi.mock('./catalogues.ts', async (original) => ({
  ...(await original<typeof import('./catalogues.ts')>()),
  load: (language: Language, part: CataloguePart) => new Promise((resolve, reject) => {
    const key = { first: 'rooms', room: 'send', rest: 'close', server: 'save', refusals: 'bannedError' }[part];
    loads.push({ part, language, arrive: () => resolve({ [key]: () => `${part} in ${language}` }), fail: () => reject(new Error('away')) });
  }),
}));

async function fresh() {
  vi.resetModules();
  loads.length = 0;
  const lang = await import('./language.svelte.ts');
  const first = lang.setLanguage('en');
  await arrive();
  await first;
  return lang;
}

/** Answers all loads, and those that follow from the answers. */
async function arrive(): Promise<void> {
  do {
    for (const l of loads.splice(0)) l.arrive();
    for (let i = 0; i < 10; i++) await Promise.resolve();
  } while (loads.length);
}

let lang: Awaited<ReturnType<typeof fresh>>;
beforeEach(async () => {
  lang = await fresh();
});

test('who asks for a part that is on its way waits for it, too', async () => {
  const done: string[] = [];
  void lang.loadMessages('rest').then(() => done.push('one'));
  void lang.loadMessages('rest').then(() => done.push('two'));
  await Promise.resolve();
  expect(done).toEqual([]);
  await arrive();
  expect(done.sort()).toEqual(['one', 'two']);
  expect(lang.m.close()).toBe('rest in en');
});

test('who asks for a part has it, also if somebody asks for another one meanwhile', async () => {
  let room = '';
  void lang.loadMessages('room').then(() => (room = lang.m.send()));
  void lang.loadMessages('server');
  await arrive();
  expect(room).toBe('room in en');
});

test('who asks for a part has it in the language that is asked for meanwhile', async () => {
  let room = '';
  void lang.loadMessages('room').then(() => (room = lang.m.send()));
  void lang.setLanguage('de', []);
  await arrive();
  expect(room).toBe('room in de');
});

test('what the server says comes with a room, in a language that is not its own', async () => {
  void lang.loadMessages('room');
  expect(loads.map((l) => l.part)).not.toContain('refusals');
  await arrive();
  void lang.setLanguage('de', []);
  expect(loads.map((l) => l.part)).toContain('refusals');
  await arrive();
  expect(lang.m.bannedError()).toBe('refusals in de');
});

test('a part that could not be loaded is loaded when it is asked for again, and keeps no other back', async () => {
  const failed = lang.loadMessages('server');
  for (const l of loads.splice(0)) {
    if (l.part === 'server') l.fail();
    else l.arrive();
  }
  await expect(failed).rejects.toThrow('away');
  const room = lang.loadMessages('room');
  expect(loads.map((l) => l.part)).not.toContain('server');
  await arrive();
  await room;
  const again = lang.loadMessages('server');
  expect(loads.map((l) => l.part)).toContain('server');
  await arrive();
  await again;
});
