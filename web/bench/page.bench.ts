import { randomUUID } from 'node:crypto';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { afterAll, beforeAll, test } from 'vitest';
import { launch, password } from '../e2e/browser.ts';
import { hubbub, type Hubbub } from '../e2e/hubbub.ts';
import { Api, type Grant } from '../src/client/index.ts';
import { fill } from '../e2e/fill.ts';

/** How much slower than this machine the browser is made. */
const slower = Number(process.env['SLOWER'] ?? 4);
const many = Number(process.env['MESSAGES'] ?? 100_000);
const rooms = Number(process.env['ROOMS'] ?? 500);
/** How many of them are no direct rooms: a user may be a member of 296. */
const groups = 290;
/** Which measurements are made: all, without a name. */
const only = process.env['ONLY'];

let server: Hubbub;
let browser: Browser;
let api: Api;
let ada: Grant;

beforeAll(async () => {
  // What is measured is the page: the server lets it and what fills it go as fast as they can.
  const limits = ['RATE', 'BURST', 'USER_RATE', 'USER_BURST', 'DIRECTORY_CHANGE_RATE', 'DIRECTORY_ROOMS_PER_DAY', 'DIRECTORY_DIRECTS_PER_HOUR', 'DIRECTORY_DIRECTS_PER_DAY'];
  for (const name of limits) process.env[`HUBBUB_${name}`] = '1000000';
  Object.assign(process.env, { HUBBUB_MAX_ROOMS: '10000', HUBBUB_USER_BYTES: '0' });
  server = await hubbub();
  browser = await launch();
  api = new Api(server.url);
  ada = await api.register('Ada', password);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const say = (what: string, ...values: (string | number)[]) => process.stdout.write(`${what.padEnd(58)} ${values.join('  ')}\n`);

async function open(hash = '', throttled = true): Promise<{ page: Page; cdp: CDPSession }> {
  const session = { name: 'hubbub.session', value: JSON.stringify(ada) };
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, storageState: { cookies: [], origins: [{ origin: server.url, localStorage: [session] }] } });
  const page = await context.newPage();
  page.setDefaultTimeout(120_000);
  const cdp = await context.newCDPSession(page);
  await page.addInitScript(() => {
    const seen = { tasks: [] as number[], shift: 0, shifts: [] as string[], content: 0, usable: 0 };
    Object.assign(globalThis, { seen });
    new PerformanceObserver((list) => list.getEntries().forEach((e) => seen.tasks.push(e.duration))).observe({ type: 'longtask', buffered: true });
    new PerformanceObserver((list) => list.getEntries().forEach((e) => {
      const shift = e as PerformanceEntry & { value: number; hadRecentInput: boolean; sources?: { node?: Element }[] };
      if (shift.hadRecentInput) return;
      seen.shift += shift.value;
      seen.shifts.push(`${Math.round(e.startTime)}: ${shift.value.toFixed(3)} ${(shift.sources ?? []).map((s) => s.node?.className ?? s.node?.nodeName).join(',')}`);
    })).observe({ type: 'layout-shift', buffered: true });
    const look = () => {
      if (!seen.usable && document.querySelector('nav a[href^="#/room/"]')) seen.usable = performance.now();
      if (!seen.usable) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  if (throttled) await cdp.send('Emulation.setCPUThrottlingRate', { rate: slower });
  await page.goto(`${server.url}/${hash}`);
  return { page, cdp };
}

/** A room with so many messages of three people. */
async function room(messages: number): Promise<string> {
  const info = await api.createRoom(ada.token, `Room ${messages}`, '', false);
  const others = await Promise.all(['Bo', 'Cy', 'Di'].map((name) => api.register(`${name}-${randomUUID().slice(0, 4)}`, password)));
  for (const { token } of others) await api.join(token, info.id);
  await fill(server.url, others.map((o) => o.token), info.id, messages);
  // The room opens at its end, and not at the first message that is new.
  await api.readAll(ada.token);
  return info.id;
}

interface Seen { tasks: number[]; shift: number; shifts: string[]; usable: number }
const seen = (page: Page) => page.evaluate(() => (globalThis as unknown as { seen: Seen }).seen);
const articles = (page: Page) => page.locator('[role=log] article').count();
const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

async function busy(cdp: CDPSession): Promise<number> {
  const { metrics } = await cdp.send('Performance.getMetrics');
  return 1_000 * metrics.find((m) => m.name === 'TaskDuration')!.value;
}

/** The work of one keystroke in the message field, ms. */
async function keystroke(page: Page, cdp: CDPSession): Promise<number> {
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
  await page.getByRole('textbox', { name: 'Message' }).focus();
  const costs: number[] = [];
  for (let i = 0; i < 30; i++) {
    await page.waitForTimeout(60);
    const before = await busy(cdp);
    await cdp.send('Input.dispatchKeyEvent', { type: 'keyDown', text: 'x', key: 'x', code: 'KeyX' });
    await cdp.send('Input.dispatchKeyEvent', { type: 'keyUp', key: 'x', code: 'KeyX' });
    await page.waitForTimeout(60);
    costs.push((await busy(cdp)) - before);
  }
  return median(costs);
}

/** Scrolls by the wheel until there is no more to see that way, or for so many turns. */
async function wheel(page: Page, by: number, turns: number, sample: () => Promise<boolean>): Promise<void> {
  await page.mouse.move(700, 400);
  for (let i = 0; i < turns; i++) {
    await page.mouse.wheel(0, by);
    await page.waitForTimeout(16);
    if (i % 20 === 19 && (await sample())) return;
  }
}

test.runIf(!only || only === 'type')('typing', async () => {
  say(`CPU ${slower} times slower`, 'keystroke, ms', 'rows in the document');
  // What the browser itself takes for a key: the rest is the page's.
  const { page: bare, cdp: bareCdp } = await open('', false);
  await bare.goto('about:blank');
  await bare.setContent('<textarea aria-label="Message"></textarea>');
  await bareCdp.send('Emulation.setCPUThrottlingRate', { rate: slower });
  say('  a field on an empty page', (await keystroke(bare, bareCdp)).toFixed(1));
  await bare.context().close();
  for (const n of [70, 320, 820]) {
    const id = await room(n);
    const { page, cdp } = await open(`#/room/${id}`, false);
    await page.locator('[role=log] article').first().waitFor();
    // All of it is loaded.
    const log = page.getByRole('log');
    for (let i = 0; i < 400 && !(await log.getByText(/^This is where it begins/).isVisible().catch(() => false)); i++) {
      await log.evaluate((e) => (e.scrollTop = 0));
      await page.waitForTimeout(30);
    }
    await cdp.send('Emulation.setCPUThrottlingRate', { rate: slower });
    say(`  ${n} messages`, (await keystroke(page, cdp)).toFixed(1), await articles(page));
    await page.context().close();
  }
});

test.runIf(!only || only === 'scroll')('scrolling', async () => {
  const id = await room(many);
  const { page, cdp } = await open(`#/room/${id}`);
  await page.locator('[role=log] article').first().waitFor();
  say(`${many} messages`, 'keystroke, ms', (await keystroke(page, cdp)).toFixed(1));
  let most = 0;
  const sample = async () => {
    most = Math.max(most, await articles(page));
    return false;
  };
  for (const [way, by] of [['up', -400], ['down', 400]] as const) {
    const before = (await seen(page)).tasks.length;
    await browser.startTracing(page, { categories: ['toplevel', 'devtools.timeline', '__metadata'] });
    const at = await page.locator('[role=log] article .text').first().innerText();
    await wheel(page, by, Number(process.env['TURNS'] ?? 1_500), sample);
    const tasks = (await seen(page)).tasks.slice(before);
    const trace = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: { name: string; pid: number; tid: number; tdur?: number; dur?: number; args: { name?: string } }[] };
    const mains = new Set(trace.traceEvents.filter((e) => e.name === 'thread_name' && e.args.name === 'CrRendererMain').map((e) => `${e.pid}/${e.tid}`));
    const cpu = trace.traceEvents.filter((e) => e.name.endsWith('RunTask') && mains.has(`${e.pid}/${e.tid}`)).map((e) => (e.tdur ?? 0) / 1000).sort((a, b) => b - a);
    say('    CPU of the longest tasks, ms', cpu.slice(0, 12).map((t) => t.toFixed(1)).join(' '), `sum ${cpu.reduce((a, b) => a + b, 0).toFixed(0)}`);
    const to = await page.locator('[role=log] article .text').first().innerText();
    say(`  scrolled ${way}, from ${at.split(':')[0]} to ${to.split(':')[0]}`, `${tasks.length} long tasks`, `longest ${Math.max(0, ...tasks).toFixed(0)} ms`, `most rows ${most}`);
  }
  say('  keystroke where the reader is, ms', (await keystroke(page, cdp)).toFixed(1));
  await page.context().close();
});

test.runIf(!only || only === 'start')('start', async () => {
  for (let i = 0; i < rooms; i++) {
    const name = `Club-${String(i).padStart(3, '0')}`;
    const room = i < groups ? await api.createRoom(ada.token, name, 'What it is about', false) : await api.direct(ada.token, (await api.guest(name)).user.id);
    await fetch(`${server.url}/v1/rooms/${room.id}/messages`, {
      method: 'POST', headers: { authorization: `Bearer ${ada.token}`, 'content-type': 'application/json' }, body: JSON.stringify({ msg_id: randomUUID(), text: `Hello, ${name}!` }),
    });
  }
  for (let run = 0; run < 3; run++) {
    const session = await open('about:blank').then(async ({ page, cdp }) => {
      const bytes = { all: 0, fonts: 0 };
      const types = new Map<string, string>();
      await cdp.send('Network.enable');
      cdp.on('Network.responseReceived', (e) => types.set(e.requestId, e.type));
      cdp.on('Network.loadingFinished', (e) => {
        if (types.get(e.requestId) === 'Font') bytes.fonts += e.encodedDataLength;
        else if (['Document', 'Script', 'Stylesheet'].includes(types.get(e.requestId) ?? '')) bytes.all += e.encodedDataLength;
      });
      await page.goto('about:blank');
      await page.goto(server.url);
      await page.waitForFunction(() => (globalThis as unknown as { seen: Seen }).seen.usable > 0);
      await page.waitForTimeout(4_000);
      return { page, bytes };
    });
    const { page, bytes } = session;
    const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0);
    const { usable, shift, shifts, tasks } = await seen(page);
    say(`${rooms} rooms`, `first content ${paint.toFixed(0)} ms`, `usable ${usable.toFixed(0)} ms`, `CLS ${shift.toFixed(3)}`, `longest task ${Math.max(0, ...tasks).toFixed(0)} ms`,
      `loaded ${(bytes.all / 1_000).toFixed(1)} kB and fonts ${(bytes.fonts / 1_000).toFixed(1)} kB`);
    if (process.env['SHIFTS']) say(shifts.join('\n'));
    await page.context().close();
  }
});
