import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { freePort } from './hubbub.ts';
import { Person } from './browser.ts';
import { Stage, unique } from './stage.ts';

// A server below /chat/, behind an nginx that serves something else everywhere else.
const stage = new Stage('/chat');
let nginx: ChildProcess | undefined;
let dir = '';
let front = '';

beforeAll(async () => {
  const port = await freePort();
  front = `http://127.0.0.1:${port}`;
  dir = mkdtempSync(join(tmpdir(), 'hubbub-nginx-'));
  writeFileSync(join(dir, 'nginx.conf'), `
daemon off; pid ${dir}/pid; error_log stderr warn;
events {}
http {
  access_log off;
  client_body_temp_path ${dir}/a; proxy_temp_path ${dir}/b; fastcgi_temp_path ${dir}/c; uwsgi_temp_path ${dir}/d; scgi_temp_path ${dir}/e;
  map $http_upgrade $connection_header { default upgrade; '' close; }
  server {
    listen 127.0.0.1:${port};
    location / { return 404; }
    location /chat/ {
      proxy_pass ${new URL(stage.server.url).origin};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_header;
    }
  }
}
`);
  nginx = spawn('nginx', ['-p', dir, '-c', join(dir, 'nginx.conf'), '-e', 'stderr'], { stdio: ['ignore', 'ignore', 'inherit'] });
  await vi.waitFor(async () => expect((await fetch(`${front}/chat/`)).status).toBe(200), { timeout: 60_000 });
});
afterAll(async () => {
  const ended = new Promise((resolve) => (nginx ? nginx.once('exit', resolve) : resolve(undefined)));
  nginx?.kill();
  await ended;
  rmSync(dir, { recursive: true, force: true });
});

test('everything works below a path of a proxy, and the page requests nothing outside of it', async () => {
  const asked: string[] = [];
  const ada = await Person.open(stage.browser, `${front}/chat/`, unique('Ada'), 'desktop', { bypassCSP: true });
  stage.people.push(ada);
  ada.page.on('request', (r) => asked.push(new URL(r.url()).pathname));
  ada.page.on('websocket', (ws) => asked.push(new URL(ws.url()).pathname));
  await ada.page.reload();
  await ada.register();
  const bo = await Person.open(stage.browser, `${front}/chat/`, unique('Bo'), 'phone');
  stage.people.push(bo);
  await bo.guest();
  await bo.enter('lobby');
  await ada.enter('lobby');
  const text = unique('over the proxy');
  await ada.say(text);
  await bo.message(text).waitFor();
  // What loads later comes from below the path, too, and the session's cookie has that path.
  await ada.page.keyboard.press('Control+k');
  await ada.page.getByRole('combobox', { name: /^Go to/ }).waitFor();
  await ada.page.keyboard.press('Escape');
  await ada.page.getByRole('button', { name: 'Insert an emoji' }).click();
  await ada.page.getByRole('combobox', { name: 'Find an emoji' }).waitFor();
  await ada.page.keyboard.press('Escape');
  await ada.page.waitForFunction(() => (history.state as { layer?: string }).layer === undefined);
  await ada.page.reload();
  await ada.message(text).waitFor();
  expect(asked.filter((path) => !path.startsWith('/chat/'))).toEqual([]);
  expect(asked).toContain('/chat/v1/ws');
  const links = await ada.page.evaluate(() => [...document.querySelectorAll('link')].map((l) => new URL(l.href).pathname));
  expect(links.filter((path) => !path.startsWith('/chat/'))).toEqual([]);
});
