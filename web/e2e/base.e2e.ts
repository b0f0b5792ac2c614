import { expect, test } from 'vitest';
import { Stage } from './stage.ts';

// A server that serves everything under a path, as behind a proxy that serves other things at /.
const stage = new Stage('/talk');

test('the page works under a base path: log-in, talk, history, reload', async () => {
  const ada = await stage.newcomer('Ada', 'desktop', 'register');
  const bo = await stage.person('Bo', 'desktop');
  expect(new URL(ada.page.url()).pathname).toBe(process.env['HUBBUB_URL'] ? new URL(process.env['HUBBUB_URL']).pathname : '/talk/');
  const asked: string[] = [];
  ada.page.on('request', (r) => asked.push(new URL(r.url()).pathname));
  ada.page.on('websocket', (ws) => asked.push(new URL(ws.url()).pathname));
  await ada.page.reload();
  await ada.enter('lobby');
  await bo.enter('lobby');
  await ada.say('hello from below');
  await bo.message('hello from below').waitFor();
  await bo.page.reload();
  await bo.enter('lobby');
  await bo.message('hello from below').waitFor();
  if (!process.env['HUBBUB_URL']) expect(asked.filter((path) => !path.startsWith('/talk/'))).toEqual([]);
  expect(asked.some((path) => path.endsWith('/v1/ws'))).toBe(true);
  const logo = ada.page.locator('img').first();
  if (await logo.count()) expect(await logo.evaluate((img: HTMLImageElement) => img.naturalWidth)).toBeGreaterThan(0);
});
