import { randomUUID } from 'node:crypto';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { launch, Person, picture, type Device } from './browser.ts';
import { hubbub, type Hubbub } from './hubbub.ts';
import { Mailbox } from './mailbox.ts';

/** The browser of this process, which all its files use. It ends with the process. */
let browser: Promise<Browser> | undefined;

/**
 * What the tests of one file use: a server of their own, a browser, and the people that a test asks
 * for.
 */
export class Stage {
  server!: Hubbub;
  browser!: Browser;
  readonly people: Person[] = [];
  private readonly own: BrowserContextOptions;
  /** The mail of a server that was started here. */
  readonly mailbox = new Mailbox();

  /**
   * Call it while a file of tests is read, with the path that everything is under, such as
   * /chat, further flags of the server, and what people's browsers have that others do not. It
   * fails a test that ends with errors of a browser.
   */
  constructor(base = '', options: () => Promise<readonly string[]> = () => Promise.resolve([]), own: BrowserContextOptions = {}) {
    this.own = own;
    const { people } = this;
    beforeAll(async () => {
      await this.mailbox.start();
      this.server = await hubbub(base, this.mailbox.url, await options());
      this.browser = await (browser ??= launch());
    });
    afterAll(async () => {
      for (const context of this.browser?.contexts() ?? []) await context.close();
      await this.server?.stop();
      this.mailbox.stop();
    });
    beforeEach(() => this.server.start());
    afterEach(async ({ task }) => {
      const complaints = people.flatMap((p) => p.complaints);
      if (task.result?.state === 'fail') {
        process.stderr.write(`${task.name}: the server's last words:\n${this.server.output()}\n`);
        const name = task.name.replace(/\W+/g, '-');
        for (const p of people) await picture(p.page, `${p.device}-failed-${name}-${p.name.split('-')[0]}`).catch(() => undefined);
      }
      await Promise.all(people.splice(0).map((p) => p.close()));
      expect(complaints).toEqual([]);
    });
  }

  /** Returns a logged-in person with a unique name. */
  async person(name: string, device: Device): Promise<Person> {
    const p = await Person.loggedIn(this.browser, this.server.url, unique(name), device, this.own);
    this.people.push(p);
    return p;
  }

  /** Returns a person who is here already, on another device. */
  async again(person: Person, device: Device): Promise<Person> {
    const p = await Person.again(this.browser, this.server.url, person.name, device, this.own);
    this.people.push(p);
    return p;
  }

  /** Returns a new person, who uses the named way to come in. */
  async newcomer(name: string, device: Device, way: 'register' | 'guest'): Promise<Person> {
    const p = await Person.open(this.browser, this.server.url, unique(name), device, this.own);
    this.people.push(p);
    await p[way]();
    return p;
  }
}

export const unique = (name: string) => `${name}-${randomUUID().slice(0, 6)}`;
