import type { BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Api } from '../src/client/index.ts';
import { devices, password, shot } from './browser.ts';
import { Site } from './site.ts';
import { Stage, unique } from './stage.ts';
import { violations } from './violations.ts';

// A server given by HUBBUB_URL does not allow the site of these tests.
describe.runIf(!process.env['HUBBUB_URL'])('<hubbub-chat> in the page of another site', () => {
  const site = new Site();
  const stage = new Stage('/talk', async () => {
    await site.start();
    return ['--origins', site.allowed];
  });
  afterAll(() => site.stop());
  beforeEach(() => void (site.chat = stage.server.url));

  const open: Page[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((p) => p.context().close()));
  });

  /** Opens a page of the site, which records the events of the chat in `told`. */
  async function visit(url: string, options: BrowserContextOptions = {}) {
    const context = await stage.browser.newContext({ ...devices.desktop, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    open.push(page);
    const faults: string[] = [];
    page.on('pageerror', (err) => faults.push(err.message));
    const sockets: { url: string; open: boolean }[] = [];
    page.on('websocket', (ws) => {
      const socket = { url: ws.url(), open: true };
      sockets.push(socket);
      ws.on('close', () => (socket.open = false));
    });
    await page.addInitScript(() => {
      const told: { type: string; detail: unknown }[] = [];
      Object.assign(globalThis, { told });
      for (const what of ['state', 'ready', 'unread', 'message', 'error', 'connection', 'token-expired']) {
        document.addEventListener(`hubbub-${what}`, (e) => told.push({ type: what, detail: (e as CustomEvent).detail }));
      }
    });
    await page.goto(url);
    const told = (type: string) => page.evaluate((t) => (globalThis as unknown as { told: { type: string; detail: Record<string, unknown> }[] }).told.filter((e) => e.type === t).map((e) => e.detail), type);
    return { page, faults, sockets, told };
  }
  /** An account, and a function that makes tokens for it, as the site's own server would. */
  async function member(name: string) {
    const api = new Api(stage.server.url);
    const grant = await api.register(unique(name), password);
    return { api, grant, name: grant.user.name };
  }

  test('a site logs its users in: two rooms share a connection, which ends with the last of them', async () => {
    const { api, grant, name } = await member('Ada');
    const other = await api.createRoom(grant.token, unique('Workshop'), '', false);
    const bo = await stage.person('Bo', 'desktop');
    // A page with a strict content security policy, without storage, and with style sheets that would
    // affect everything.
    site.pages.set('/mine', {
      policy: `default-src 'none'; script-src ${new URL(stage.server.url).origin} 'nonce-n'; connect-src ${new URL(stage.server.url).origin} ${new URL(stage.server.url).origin.replace('http', 'ws')}; style-src 'nonce-n'`,
      html: `<!doctype html><html lang="en"><head><title>Mine</title><style nonce="n">* { color: red; font: 30px serif; --accent: red } button { display: none } html { font-size: 40px }</style>
        <script nonce="n">for (const s of ['localStorage', 'sessionStorage']) Object.defineProperty(window, s, { get() { throw new DOMException('no', 'SecurityError') } })</script>
        <script type="module" src="https://chat.example.org/hubbub-chat.js"></script></head>
        <body><main><h1>Mine</h1><hubbub-chat id="a" room="lobby"></hubbub-chat><hubbub-chat id="b" room="${other.name}"></hubbub-chat><p id="p">mine</p></main></body></html>`,
    });
    const { page, faults, sockets, told } = await visit(`${site.allowed}/mine`, { bypassCSP: false });
    await page.locator('#a').getByLabel('Your name').waitFor(); // there is no token yet
    await page.evaluate((token) => {
      for (const e of document.querySelectorAll('hubbub-chat')) Object.assign(e, { getToken: () => Promise.resolve(token) });
    }, grant.token);
    const [a, b] = [page.locator('#a'), page.locator('#b')];
    await a.getByRole('textbox', { name: 'Message' }).fill('from the site');
    await a.getByRole('textbox', { name: 'Message' }).press('Enter');
    await bo.enter('lobby');
    await bo.message('from the site').waitFor();
    await bo.say('**hello** site');
    await a.getByRole('article').filter({ hasText: 'hello site' }).waitFor();
    await b.getByRole('textbox', { name: 'Message' }).fill('in the other');
    await b.getByRole('button', { name: 'Send' }).click();
    await b.getByRole('article').filter({ hasText: 'in the other' }).waitFor();
    expect(await a.getByRole('article').filter({ hasText: 'in the other' }).count()).toBe(0);
    expect(sockets.filter((s) => s.open).map((s) => new URL(s.url).pathname)).toEqual(['/talk/v1/ws']);
    expect((await told('ready')).map((d) => d['user'])).toEqual([grant.user.id, grant.user.id]);
    expect((await told('message')).map((d) => d['text'])).toContain('**hello** site');

    // The styles of neither affect the other.
    const looks = await page.evaluate(() => {
      const inside = document.querySelector('#a')!.shadowRoot!;
      const text = getComputedStyle(inside.querySelector('article .text')!);
      return { heads: document.head.querySelectorAll('style, link[rel=stylesheet]').length, color: text.color, size: text.fontSize, outside: getComputedStyle(document.querySelector('#p')!).color, sheets: document.adoptedStyleSheets.length };
    });
    expect(looks).toMatchObject({ heads: 1, outside: 'rgb(255, 0, 0)', size: '15px', sheets: 0 });
    expect(looks.color).not.toBe('rgb(255, 0, 0)');
    expect(await page.context().cookies()).toEqual([]);
    expect(await page.title()).toBe('Mine');
    expect(await page.evaluate(() => history.length)).toBeLessThan(3);

    // By keyboard: the newest message, and its actions.
    await a.getByRole('log').focus();
    await page.keyboard.press('End');
    await expect.poll(() => page.evaluate(() => document.querySelector('#a')!.shadowRoot!.activeElement?.getAttribute('aria-label') ?? '')).toContain('hello');
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => page.evaluate(() => document.querySelector('#a')!.shadowRoot!.activeElement?.tagName)).toBe('BUTTON');

    await page.evaluate(() => document.querySelector('#a')!.remove());
    await b.getByRole('textbox', { name: 'Message' }).fill('still here');
    await b.getByRole('textbox', { name: 'Message' }).press('Enter');
    await b.getByRole('article').filter({ hasText: 'still here' }).waitFor();
    await page.evaluate(() => document.querySelector('#b')!.remove());
    await expect.poll(() => sockets.filter((s) => s.open)).toEqual([]);
    expect(name).toBeTruthy();
    expect(faults).toEqual([]);
  });

  test('guests come in by the example page, on wide screens and phones, and see why they are removed', async () => {
    const { page, faults, told } = await visit(`${site.allowed}/embed.html`, { bypassCSP: true });
    const ask = page.locator('hubbub-chat').first();
    await ask.getByLabel('Your name').waitFor();
    const name = unique('Cleo');
    await ask.getByLabel('Your name').fill(name);
    await ask.getByRole('button', { name: 'Join the chat as a guest' }).click();
    await ask.getByRole('textbox', { name: 'Message' }).fill('do you mend tyres?');
    await ask.getByRole('textbox', { name: 'Message' }).press('Enter');
    const mine = ask.getByRole('article').filter({ hasText: 'do you mend tyres?' });
    await mine.getByLabel('Sent').waitFor();
    // The other element has the same guest.
    await page.reload();
    const road = page.locator('hubbub-chat').nth(1);
    await road.getByRole('textbox', { name: 'Message' }).waitFor();
    await mine.waitFor();
    // The focus stays with the page's own element.
    expect(await page.evaluate(() => document.activeElement === document.body)).toBe(true);
    const users = (await told('ready')).map((d) => d['user']);
    expect(new Set(users).size).toBe(1);
    expect(await violations(page)).toEqual([]);
    await shot(page, 'embed-desktop');
    await page.setViewportSize(devices.phone.viewport);
    await expect.poll(() => ask.evaluate((e) => e.shadowRoot!.firstElementChild!.scrollWidth <= e.clientWidth)).toBe(true);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(devices.phone.viewport.width);
    await shot(page, 'embed-phone');
    await ask.evaluate((e) => e.setAttribute('theme', 'dark'));
    expect(await violations(page)).toEqual([]);
    await shot(page, 'embed-dark');

    // A moderator removes the guest from the room.
    const { api, grant } = await member('Owner');
    const room = await api.createRoom(grant.token, unique('Club'), '', false);
    await ask.evaluate((e, r) => e.setAttribute('room', r), room.id);
    await ask.getByRole('textbox', { name: 'Message' }).waitFor();
    await expect.poll(async () => (await api.members(grant.token, room.id)).list.length).toBe(2);
    await api.removeMember(grant.token, room.id, String(users[0]));
    await ask.getByText(/took you out/).waitFor();
    await expect.poll(async () => (await told('error')).at(-1)?.['code']).toBe('removed');
    await ask.evaluate((e) => e.setAttribute('room', 'no-such-room'));
    await ask.getByText('There is no such room').waitFor();
    expect(faults).toEqual([]);
  });

  test('a page that is not allowed sees an error, and none of its requests is answered', async () => {
    const { page, told } = await visit(`${site.refused}/embed.html`);
    await page.locator('hubbub-chat').first().getByText(`The chat is not open to this page (${site.refused})`).waitFor();
    expect((await told('error'))[0]).toMatchObject({ code: 'origin' });
    const asked = await page.evaluate(async (url) => {
      const by = (init: RequestInit) => fetch(`${url}/v1/rooms`, init).then((r) => r.status, () => 'refused');
      const socket = await new Promise((done) => {
        const ws = new WebSocket(`${url.replace('http', 'ws')}/v1/ws`);
        ws.addEventListener('open', () => done('open'));
        ws.addEventListener('error', () => done('refused'));
      });
      return [await by({}), await by({ headers: { authorization: 'Bearer x' } }), socket];
    }, stage.server.url);
    expect(asked).toEqual(['refused', 'refused', 'refused']);
    await page.goto(`${site.allowed}/embed.html`);
    const answered = await page.evaluate((url) => fetch(`${url}/v1/rooms`, { headers: { authorization: 'Bearer x' } }).then((r) => r.status), stage.server.url);
    expect(answered).toBe(401);
  });

  test('the element asks for another token if one is invalid or has expired', async () => {
    const { grant } = await member('Dan');
    site.pages.set('/late', { html: `<!doctype html><html lang="en"><title>Late</title><script type="module" src="https://chat.example.org/hubbub-chat.js"></script><main><h1>Late</h1><hubbub-chat room="lobby" token="stale"></hubbub-chat></main></html>` });
    const { page, told } = await visit(`${site.allowed}/late`);
    const chat = page.locator('hubbub-chat');
    await chat.getByText('You are not logged in to the chat any more.').waitFor();
    await chat.getByRole('button', { name: 'Log in again' }).click();
    await expect.poll(async () => (await told('token-expired')).length).toBeGreaterThan(0);
    await chat.evaluate((e, token) => e.setAttribute('token', token), grant.token);
    await chat.getByRole('textbox', { name: 'Message' }).waitFor();
    expect((await told('ready')).at(-1)).toMatchObject({ user: grant.user.id, guest: false });
  });

  test('emoji of the chat server’s own are loaded from there', async () => {
    const { api, grant } = await member('Emmy');
    const secret = /#\/setup\/([\w-]+)/.exec(stage.server.output())![1]!;
    const boss = await api.setUp(secret, unique('Boss'), password);
    const gif = new Blob([Buffer.from('R0lGODlhAQABAIAAAP///wAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==', 'base64')], { type: 'image/gif' });
    await api.request('PUT', '/v1/emoji/dot', boss.token, gif);
    const { origin } = new URL(stage.server.url);
    site.pages.set('/emoji', {
      policy: `default-src 'none'; script-src ${origin} 'nonce-n'; connect-src ${origin} ${origin.replace('http', 'ws')}; img-src ${origin}; style-src 'nonce-n'`,
      html: '<!doctype html><html lang="en"><head><title>Mine</title><script type="module" src="https://chat.example.org/hubbub-chat.js"></script></head><body><hubbub-chat id="a" room="lobby"></hubbub-chat></body></html>',
    });
    const { page, faults } = await visit(`${site.allowed}/emoji`, { bypassCSP: false });
    await page.evaluate((token) => void Object.assign(document.querySelector('hubbub-chat')!, { getToken: () => Promise.resolve(token) }), grant.token);
    const a = page.locator('#a');
    await a.getByRole('textbox', { name: 'Message' }).fill('see :dot:');
    await a.getByRole('button', { name: 'Send' }).click();
    const image = a.locator('.text img[alt=":dot:"]');
    await expect.poll(() => image.evaluate((i) => [(i as HTMLImageElement).naturalWidth, (i as HTMLImageElement).src.startsWith('http')])).toEqual([1, true]);
    expect(new URL((await image.getAttribute('src'))!).origin + '/talk').toBe(stage.server.url);
    expect(faults).toEqual([]);
  });

  test('what a message said before it was edited is shown over the page of the site, and is followed', async () => {
    const { grant } = await member('Fay');
    const bo = await stage.person('Bo', 'desktop');
    await bo.enter('lobby');
    site.pages.set('/edits', { html: `<!doctype html><html lang="en"><title>Edits</title><script type="module" src="https://chat.example.org/hubbub-chat.js"></script><main><h1>Edits</h1><hubbub-chat room="lobby" token="${grant.token}"></hubbub-chat></main></html>` });
    const { page, faults } = await visit(`${site.allowed}/edits`);
    const chat = page.locator('hubbub-chat');
    await chat.getByRole('textbox', { name: 'Message' }).waitFor();
    const said = [unique('at one'), unique('at two'), unique('at three')] as const;
    await bo.say(said[0]);
    await bo.message(said[0]).getByLabel(/^(Sent|Read by)/).waitFor();
    await bo.edit(said[0], said[1]);
    await chat.getByRole('article').filter({ hasText: said[1] }).getByRole('button', { name: '(edited)' }).click();
    const dialog = chat.getByRole('dialog', { name: 'Edit history' });
    await expect.poll(() => dialog.getByRole('listitem').count()).toBe(2);
    await dialog.getByRole('listitem').nth(1).getByText(said[0]).waitFor();
    await bo.edit(said[1], said[2]);
    await expect.poll(() => dialog.getByRole('listitem').count()).toBe(3);
    expect(await violations(page)).toEqual([]);
    await shot(page, 'embed-versions');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    expect(faults).toEqual([]);
  });

  /** Most that an element loads before a room is seen, compressed, bytes. */
  const most = 110_000;

  test('an element loads little', async () => {
    const { grant } = await member('Eve');
    site.pages.set('/small', { html: `<!doctype html><html lang="en"><title>Small</title><script type="module" src="https://chat.example.org/hubbub-chat.js"></script><hubbub-chat room="lobby" token="${grant.token}"></hubbub-chat></html>` });
    const loaded: { url: string; coding: string; bytes: Promise<number> }[] = [];
    const { page } = await visit('about:blank');
    page.on('requestfinished', (r) => {
      if (!r.url().startsWith(site.chat) || r.url().includes('/v1/')) return;
      const bytes = r.sizes().then((s) => s.responseBodySize);
      void r.response().then((a) => loaded.push({ url: r.url(), coding: a?.headers()['content-encoding'] ?? '', bytes }));
    });
    await page.goto(`${site.allowed}/small`);
    await page.locator('hubbub-chat').getByRole('textbox', { name: 'Message' }).waitFor();
    const files = await Promise.all(loaded.map(async (f) => ({ url: f.url, coding: f.coding, bytes: await f.bytes })));
    expect(files.filter((f) => f.coding !== 'br' && f.bytes > 500)).toEqual([]);
    const sum = files.reduce((all, f) => all + f.bytes, 0);
    expect(sum, JSON.stringify(files)).toBeGreaterThan(10_000);
    expect(sum, JSON.stringify(files)).toBeLessThan(most);
    console.log(`the element loads ${sum} bytes in ${files.length} files`);
  });
});
