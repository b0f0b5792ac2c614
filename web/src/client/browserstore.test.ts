import { afterEach, expect, test, vi } from 'vitest';
import { browserStore } from './browserstore.ts';

afterEach(() => vi.unstubAllGlobals());

test('work goes on alone where the browser gives no locks', async () => {
  vi.stubGlobal('navigator', { locks: { request: () => Promise.reject(new DOMException('Access is denied.', 'SecurityError')) } });
  expect(await browserStore('k').exclusively(() => Promise.resolve('done'))).toBe('done');
});

test('work that fails is not done again', async () => {
  vi.stubGlobal('navigator', { locks: { request: (_: string, work: () => Promise<unknown>) => work() } });
  const work = vi.fn(() => Promise.reject(new Error('refused')));
  await expect(browserStore('k').exclusively(work)).rejects.toThrow('refused');
  expect(work).toHaveBeenCalledOnce();
});
