import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser, type BrowserContextOptions, type Locator, type Page } from 'playwright-core';
import { Api } from '../src/client/index.ts';

/** Where screenshots go. */
const results = join(import.meta.dirname, '..', 'test-results');

/** The two screens that the tests use. */
export const devices = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
} satisfies Record<string, BrowserContextOptions>;

export type Device = keyof typeof devices;

/** Starts a browser. It ends with the process at the latest. */
export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium-headless-shell',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
}

/** Everybody's password. */
export const password = 'correct horse battery';

/** What people's browsers have unless a test wants it otherwise: nothing moves or is installed. */
const quiet = { reducedMotion: 'reduce', serviceWorkers: 'block' } satisfies BrowserContextOptions;

/** A person with a browser of their own. */
export class Person {
  name: string;
  readonly page: Page;
  readonly device: Device;
  /** The errors and warnings of the browser, except those of a lost network. */
  readonly complaints: string[] = [];

  private constructor(name: string, page: Page, device: Device) {
    this.name = name;
    this.page = page;
    this.device = device;
    page.on('pageerror', (err) => this.complaints.push(err.message));
    page.on('console', (m) => {
      if (['error', 'warning'].includes(m.type()) && !/ERR_|WebSocket connection|Failed to load resource|error occurred when fetching the script|Service Worker registration blocked/.test(m.text())) this.complaints.push(m.text());
    });
  }

  static async open(browser: Browser, url: string, name: string, device: Device, options: BrowserContextOptions = {}): Promise<Person> {
    const context = await browser.newContext({ ...quiet, ...devices[device], ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    await page.goto(url);
    return new Person(name, page, device);
  }

  /** Opens the page for somebody who has an account and logged in earlier. */
  static async loggedIn(browser: Browser, url: string, name: string, device: Device, options: BrowserContextOptions = {}): Promise<Person> {
    const grant = await new Api(url).register(name, password);
    const session = { name: `hubbub.session${new URL(`${url}/`).pathname.replace(/\/$/, '')}`, value: JSON.stringify(grant) };
    const person = await Person.open(browser, url, name, device, { ...options, bypassCSP: true, storageState: { cookies: [], origins: [{ origin: new URL(url).origin, localStorage: [session] }] } });
    await person.rooms.getByRole('link').first().waitFor();
    return person;
  }

  /** Opens the page on another device for somebody who has an account, and logs in there. */
  static async again(browser: Browser, url: string, name: string, device: Device, options: BrowserContextOptions = {}): Promise<Person> {
    const person = await Person.open(browser, url, name, device, { ...options, bypassCSP: true });
    await person.page.getByLabel('Name').fill(name);
    await person.page.getByLabel('Password').fill(password);
    await person.page.getByRole('button', { name: 'Log in' }).click();
    await person.rooms.getByRole('link').first().waitFor();
    return person;
  }

  /** Opens another tab of the same browser, at the same place or another. */
  async tab(at = this.page.url()): Promise<Person> {
    const page = await this.page.context().newPage();
    page.setDefaultTimeout(60_000);
    await page.goto(at);
    return new Person(this.name, page, this.device);
  }

  async register(): Promise<void> {
    await this.page.getByRole('button', { name: 'Create an account' }).click();
    await this.page.getByLabel('Name').fill(this.name);
    await this.page.getByLabel('Password').fill(password);
    await this.page.getByRole('button', { name: 'Create account' }).click();
    await this.rooms.getByRole('link').first().waitFor();
  }

  async guest(): Promise<void> {
    await this.page.getByRole('button', { name: 'Continue as guest' }).click();
    await this.page.getByLabel('Name').fill(this.name);
    await this.page.getByRole('button', { name: 'Continue as guest' }).click();
    this.name += ' (guest)'; // as the server marks guests
    await this.rooms.getByRole('link').first().waitFor();
  }

  get rooms() {
    return this.page.getByRole('navigation', { name: 'Rooms' });
  }
  /** The entry of a room in the list. */
  room(name: string) {
    return this.rooms.getByRole('link', { name: new RegExp(`^${literal(name)}\\b`, 'i') });
  }
  get log() {
    return this.page.getByRole('log', { name: /^Messages in/ });
  }
  get field() {
    return this.page.getByRole('textbox', { name: 'Message' });
  }
  /** The message with exactly this text, edited or not. */
  message(text: string) {
    const exactly = new RegExp(`^\\s*${literal(text)}( \\(edited\\))?\\s*$`);
    return this.log.getByRole('article').filter({ has: this.page.locator('.text', { hasText: exactly }) });
  }

  async enter(room: string): Promise<void> {
    await this.leaveRoom();
    const heading = this.page.getByRole('heading', { level: 1, name: new RegExp(`^${literal(room)}$`, 'i') });
    // When messages arrive, a row may move away from the pointer: then click again, as people do.
    do await this.room(room).click();
    while (!(await heading.waitFor({ timeout: 5_000 }).then(() => true, () => false)));
    await this.log.and(this.page.locator('[aria-busy=false]')).waitFor();
  }

  /** Accepts the first messages of a stranger. */
  async acceptPerson(name: string): Promise<void> {
    await this.leaveRoom();
    await this.page.getByRole('button', { name: /^Requests and invitations/ }).click();
    await this.page.getByRole('dialog').getByRole('button', { name: `Accept ${name}` }).click();
    await this.field.waitFor();
  }

  /** Accepts an invitation to a room, which then opens. */
  async accept(room: string): Promise<void> {
    await this.leaveRoom();
    await this.page.getByRole('button', { name: /^Requests and invitations/ }).click();
    await this.page.getByRole('dialog').getByRole('button', { name: `Join ${room}` }).click();
    await this.page.getByRole('heading', { level: 1, name: room }).waitFor();
  }

  /** Goes back to the list, if that is a page of its own. */
  async leaveRoom(): Promise<void> {
    const back = this.page.getByRole('link', { name: 'Back to your rooms' });
    await this.rooms.or(back).filter({ visible: true }).first().waitFor();
    if (await back.isVisible()) await back.click();
  }

  async say(text: string): Promise<void> {
    await this.field.fill(text);
    await this.page.getByRole('button', { name: 'Send' }).click();
  }

  /** Chooses the person's status. */
  async show(status: string): Promise<void> {
    await this.leaveRoom();
    await this.page.getByRole('button', { name: /Your account and status/ }).click();
    const dialog = this.page.getByRole('dialog');
    await dialog.locator('label', { hasText: status }).click();
    await dialog.getByRole('radio', { name: status, checked: true }).waitFor({ state: 'attached' });
    await this.shot('account');
    await this.page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
  }

  /** Opens the actions of a message. */
  async touch(text: string): Promise<void> {
    const message = this.message(text).last();
    if (this.device === 'phone') {
      await this.finger(message, [], 600);
      await this.tools(text).waitFor({ timeout: 5_000 }).catch(() => undefined);
    } else await message.hover();
  }

  /** The element with the actions of a message, once they are open. */
  tools(text: string): Locator {
    return this.device === 'phone' ? this.page.getByRole('dialog', { name: /^Message of/ }) : this.message(text).last().getByRole('toolbar');
  }

  /**
   * Puts a finger on an element, moves it by steps in px, and lifts it after a time in ms.
   */
  async finger(on: Locator, steps: readonly (readonly [number, number])[], rest = 0): Promise<void> {
    await on.scrollIntoViewIfNeeded();
    const box = (await on.boundingBox())!;
    let [x, y] = [box.x + Math.min(box.width / 2, 120), box.y + box.height / 2];
    const cdp = await this.page.context().newCDPSession(this.page);
    await cdp.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [{ x, y }] });
    for (const [dx, dy] of steps) {
      [x, y] = [x + dx, y + dy];
      await cdp.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: [{ x, y }] });
    }
    await this.page.waitForTimeout(rest);
    await cdp.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    await cdp.detach();
  }

  /** Opens the actions of a message and chooses one. */
  async act(text: string, action: string): Promise<void> {
    const button = this.tools(text).getByRole('button', { name: action, exact: true });
    // Messages that arrive may move this one away from the pointer: then point at it again.
    do if (!(await button.isVisible())) await this.touch(text);
    while (!(await button.click({ timeout: 5_000 }).then(() => true, () => false)));
  }

  /** Edits a message of one's own, and waits until it is seen. */
  async edit(text: string, now: string): Promise<void> {
    await this.act(text, 'Edit');
    await this.field.fill(now);
    await this.field.press('Enter');
    await this.message(now).getByText('(edited)').waitFor();
  }

  shot(name: string): Promise<void> {
    return shot(this.page, `${this.device}-${name}`);
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}

/** Takes a picture to look at, if HUBBUB_SHOTS is set: it costs half a second. */
export async function shot(page: Page, name: string): Promise<void> {
  if (process.env['HUBBUB_SHOTS']) await picture(page, name);
}

export async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(results, { recursive: true });
  await page.screenshot({ path: join(results, `${name}.png`) });
}

/** The text as a regular expression that matches it alone. */
function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
