import { describe, expect, test } from 'vitest';
import { bot, saySome } from './bot.ts';
import { Api } from '../src/client/index.ts';
import { password, type Device } from './browser.ts';
import { unique, type Stage } from './stage.ts';

/** What people do on every device. */
export function chat(stage: Stage, device: Device): void {
  describe(`on a ${device}`, () => {
    test('two people chat', async () => {
      const [ada, bo] = await Promise.all([stage.newcomer('Ada', device, 'register'), stage.newcomer('Bo', device, 'guest')]);
      await ada.enter('lobby');
      await bo.enter('lobby');
      const [hello, reply] = [unique('Hello from Ada'), unique('Hello back')];

      await bo.field.pressSequentially('H');
      await ada.page.getByText(`${bo.name} is typing`).waitFor();
      await ada.say(hello);
      await ada.message(hello).getByLabel(/^(Sent|Read by)/).waitFor();
      await bo.message(hello).waitFor();
      await bo.say(reply);
      await ada.message(reply).waitFor();

      if (device === 'phone') await ada.page.getByRole('button', { name: /^People/ }).click();
      const panel = ada.page.getByRole('complementary', { name: 'People' });
      await panel.getByText(ada.name).waitFor();
      await panel.getByText(bo.name).waitFor();
      await ada.shot('people');
      if (device === 'phone') await panel.getByRole('button', { name: 'Close' }).click();
      await ada.shot('chat');
    });

    test('a reload shows history, and scrolling up shows more of it in its place', async () => {
      const room = unique('archive');
      const ada = await stage.person('Ada', device);
      await ada.page.getByRole('button', { name: 'Create a room' }).click();
      await ada.page.getByRole('dialog').getByLabel('Name').fill(room);
      await ada.page.getByRole('button', { name: 'Create room' }).click();
      await ada.field.waitFor();
      const writer = await bot(stage.server.url, unique('Writer'));
      const info = (await writer.directory.rooms()).find((r) => r.name === room)!;
      await writer.joinRoom(info);
      await saySome(writer, info.id, Array.from({ length: 120 }, (_, i) => `line ${i + 1}`));
      writer.stop();
      await ada.message('line 120').waitFor();
      // The server, too, knows that all is read: otherwise the reload shows the divider.
      const api = new Api(stage.server.url);
      const { token } = await api.login(ada.name, password);
      await expect.poll(async () => (await api.inbox(token))?.find((r) => r.room === info.id)?.unread).toBe(0);

      await ada.page.reload();
      await ada.message('line 120').waitFor();
      await expect.poll(() => ada.message('line 1').count()).toBe(0);
      await ada.message('line 120').evaluate((e) => e.isConnected && e.scrollIntoView());

      // In the middle: note the place of a line, let the previous page load, and compare.
      const log = ada.log;
      await log.evaluate((e) => (e.scrollTop = 700));
      const marked = await log.evaluate((e) => {
        const top = e.getBoundingClientRect().top;
        const first = [...e.querySelectorAll('article')].find((a) => a.getBoundingClientRect().top >= top)!;
        return { id: first.dataset['id']!, at: first.getBoundingClientRect().top };
      });
      const rows = await log.getByRole('article').count();
      await log.evaluate((e) => (e.scrollTop -= 300));
      await ada.page.waitForFunction((n) => document.querySelectorAll('[role=log] article').length > n, rows);
      const moved = await log.evaluate((e, id) => e.querySelector(`[data-id="${id}"]`)!.getBoundingClientRect().top, marked.id);
      expect(Math.abs(moved - marked.at - 300)).toBeLessThan(2);

      while ((await ada.message('line 1').count()) === 0) await log.evaluate((e) => (e.scrollTop = 0));
      // From beginning to end, each message is there once, in order.
      const texts: string[] = [];
      for (let last = ''; last !== 'line 120'; ) {
        for (const text of (await log.locator('article .text').allInnerTexts()).map((t) => t.trim())) if (!texts.includes(text)) texts.push(text);
        last = texts.at(-1)!;
        await log.evaluate((e) => (e.scrollTop += 300));
      }
      expect(texts).toEqual(Array.from({ length: 120 }, (_, i) => `line ${i + 1}`));
      const standing = await log.locator('article .text').allInnerTexts();
      expect(new Set(standing).size).toBe(standing.length);

      // Sending from up there leads to the sent message, and to the answers after it.
      const inView = (selector: string) => ada.page.waitForFunction((s) => {
        const last = [...document.querySelectorAll(`[role=log] ${s}`)].at(-1);
        return last !== undefined && last.getBoundingClientRect().bottom <= last.closest('[role=log]')!.getBoundingClientRect().bottom + 1;
      }, selector);
      for (const [text, selector] of [['down here', 'article'], ['/list-users', '.notice']] as const) {
        // Until the button stays: earlier messages may still scroll the reader down, or count as new.
        await ada.page.waitForFunction(() => {
          document.querySelector('[role=log]')!.scrollTop = 0;
          return [...document.querySelectorAll('button')].some((b) => /^(Go to the newest message|\d+ new messages?)$/.test((b.textContent ?? '').trim()));
        });
        await ada.say(text);
        await ada.log.locator(selector, { hasText: text === 'down here' ? text : '1 online' }).waitFor();
        await inView(selector);
      }
    });

    test('the page starts with few requests', async () => {
      const [ada, bo] = await Promise.all([stage.person('Ada', device), stage.person('Bo', device)]);
      await ada.enter('lobby');
      await bo.enter('lobby');
      const text = unique('before the reload');
      // Before the reload, too, the page asks for authors who have left: that does not count.
      const known = ada.page.waitForResponse((r) => r.url().endsWith('/v1/users/deleted'));
      await bo.say(text);
      await ada.message(text).waitFor();
      await known;
      const asked: string[] = [];
      const authors: string[] = [];
      const frames: string[] = [];
      ada.page.on('websocket', (ws) => ws.on('framesent', ({ payload }) => frames.push((JSON.parse(payload.toString()) as { type: string }).type)));
      ada.page.on('request', (r) => {
        const path = /\/v1\/.*/.exec(new URL(r.url()).pathname)?.[0];
        if (path === '/v1/users/deleted') authors.push(...(r.postDataJSON() as { users: string[] }).users);
        else if (path && path !== '/v1/ws') asked.push(path);
      });
      await ada.page.reload();
      await ada.message(text).waitFor();
      await ada.page.waitForLoadState('networkidle');
      // The lists, and the people of the open room.
      expect(asked.toSorted()).toEqual(['/v1/rooms/lobby/members', '/v1/start']);
      // One page of history, for the open room; the inbox tells about the others.
      expect(frames.filter((f) => f === 'history')).toHaveLength(1);
      expect(frames.filter((f) => f === 'inbox')).toHaveLength(1);
      expect(frames.length).toBeLessThan(20);
      // Authors who have left: once for each, when their first message is here.
      expect(authors.length).toBeGreaterThan(0);
      expect(authors).toEqual([...new Set(authors)]);
    });

    test('a message can be answered, changed, reacted to and deleted', async () => {
      const [ada, bo] = await Promise.all([stage.person('Ada', device), stage.person('Bo', device)]);
      await ada.enter('random');
      await bo.enter('random');
      const [first, second, third] = [unique('a first'), unique('a second'), unique('an answer')];
      await ada.say(first);
      await bo.message(first).waitFor();

      await bo.act(first, 'Reply');
      if (device === 'phone') await bo.tools(first).waitFor({ state: 'detached' });
      await bo.say(third);
      await ada.log.getByRole('button', { name: first }).last().waitFor();

      await ada.act(first, 'Edit');
      await ada.field.fill(second);
      await ada.page.getByRole('button', { name: 'Save', exact: true }).click();
      await bo.message(second).getByText('(edited)').waitFor();

      await bo.act(second, 'React with 👍');
      const pill = ada.log.getByRole('button', { name: /^👍, 1/ });
      await pill.waitFor();
      await pill.click();
      await bo.log.getByRole('button', { name: /^👍, 2/ }).waitFor();
      await ada.shot('actions');

      await ada.act(second, 'Delete');
      await ada.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
      await bo.log.getByText(second).first().waitFor({ state: 'detached' });

      // The same after a reload.
      await bo.page.reload();
      await bo.message(third).waitFor();
      await bo.log.getByText(second).first().waitFor({ state: 'detached' });
    });

    test('people are added to a private room, and a direct message reaches its receiver', async () => {
      const [ada, bo] = await Promise.all([stage.person('Ada', device), stage.person('Bo', device)]);
      const room = unique('secret');
      await ada.page.getByRole('button', { name: 'Create a room' }).click();
      const dialog = ada.page.getByRole('dialog');
      await dialog.getByLabel('Name').fill(room);
      await dialog.getByRole('switch').check();
      await dialog.getByRole('button', { name: 'Create room' }).click();
      await ada.say('are you there?');

      if (device === 'phone') await ada.page.getByRole('button', { name: /^People/ }).click();
      await ada.page.getByRole('button', { name: 'Add people' }).click();
      await dialog.getByLabel('Find a person').fill(bo.name);
      await dialog.getByRole('button', { name: `Add ${bo.name}` }).click();
      await dialog.getByText('Asked').waitFor();
      await ada.page.keyboard.press('Escape');
      await bo.accept(room);
      await bo.message('are you there?').waitFor();
      await bo.say('I am');
      await ada.message('I am').waitFor();

      await bo.leaveRoom();
      await bo.page.getByRole('button', { name: 'New direct message' }).click();
      await bo.page.getByRole('dialog').getByLabel('Find a person').fill(ada.name);
      await bo.page.getByRole('dialog').getByRole('button', { name: `Message ${ada.name}` }).click();
      await bo.page.getByRole('heading', { level: 1, name: ada.name }).waitFor();
      await bo.say('just us');
      if (device === 'phone') await ada.page.goto(`${stage.server.url}/#/`);
      await ada.room(bo.name).getByText('unread').waitFor();
      await ada.enter(bo.name);
      await ada.message('just us').waitFor();
      await ada.act('just us', 'Pin');
      await bo.message('just us').getByText('Pinned').waitFor();
      await ada.shot('direct');
      if (device === 'phone') {
        // Reactions stand in one row, and the other actions in rows with labels.
        await bo.touch('just us');
        const tops = (name: RegExp) => bo.tools('just us').getByRole('button', { name }).evaluateAll((all) => all.map((b) => b.getBoundingClientRect().top));
        expect(new Set(await tops(/^(React with|More reactions)/)).size).toBe(1);
        const rows = await tops(/^(Reply|Copy text|Edit|Unpin|Delete)$/);
        expect(new Set(rows).size).toBe(5);
        await bo.shot('sheet');
      }
    });

    test('a stranger sends a request, and is blocked and unblocked', async () => {
      const [ada, eve] = await Promise.all([stage.person('Ada', device), stage.person('Eve', device)]);
      await eve.page.getByRole('button', { name: 'New direct message' }).click();
      await eve.page.getByRole('dialog').getByLabel('Find a person').fill(ada.name);
      await eve.page.getByRole('dialog').getByRole('button', { name: `Message ${ada.name}` }).click();
      await eve.page.getByText('has not accepted your messages yet').waitFor();
      await eve.say('buy my things');

      await ada.page.getByRole('button', { name: /^Requests and invitations/ }).click();
      const dialog = ada.page.getByRole('dialog');
      await dialog.getByRole('button', { name: 'Show the message' }).click();
      await dialog.getByText('buy my things').waitFor();
      await ada.shot('request');
      await expect.poll(() => ada.room(eve.name).count()).toBe(0);
      await dialog.getByRole('button', { name: `Accept ${eve.name}` }).click();
      await ada.message('buy my things').waitFor();
      await eve.page.getByText('has not accepted your messages yet').waitFor({ state: 'detached' });
      await ada.say('no, thank you');
      await eve.message('no, thank you').waitFor();

      await ada.page.getByRole('button', { name: /^About this conversation/ }).click();
      await ada.shot('person');
      await dialog.getByRole('button', { name: 'Block' }).click();
      await ada.page.getByText('neither of you can write').waitFor();
      await ada.log.getByText('buy my things').waitFor({ state: 'detached' });
      await ada.log.getByRole('button', { name: 'Show it' }).click();
      await ada.message('buy my things').waitFor();
      await ada.page.getByRole('button', { name: 'Unblock' }).click();
      await ada.page.getByText('neither of you can write').waitFor({ state: 'detached' });
      await ada.say('let us try again');
      await eve.message('let us try again').waitFor();
    });

    test('an owner changes the room, and the roles of its members', async () => {
      const [ada, bo] = await Promise.all([stage.person('Ada', device), stage.person('Bo', device)]);
      const [before, after] = [unique('draft'), unique('final')];
      const dialog = ada.page.getByRole('dialog');
      const panel = ada.page.getByRole('complementary', { name: 'People' });
      await ada.page.getByRole('button', { name: 'Create a room' }).click();
      await dialog.getByLabel('Name').fill(before);
      await dialog.getByRole('button', { name: 'Create room' }).click();
      await ada.field.waitFor();
      if (device === 'phone') await ada.page.getByRole('button', { name: /^People/ }).click();
      await panel.getByRole('button', { name: 'Add people' }).click();
      await dialog.getByLabel('Find a person').fill(bo.name);
      await dialog.getByRole('button', { name: `Add ${bo.name}` }).click();
      await dialog.getByText('Asked').waitFor();
      await ada.page.keyboard.press('Escape');
      await bo.accept(before);
      await expect.poll(() => bo.page.getByRole('button', { name: 'Edit room' }).count()).toBe(0);

      await panel.getByRole('button', { name: 'Edit room' }).click();
      await expect.poll(() => dialog.getByLabel('Name').inputValue()).toBe(before);
      await dialog.getByLabel('Name').fill(after);
      await dialog.getByLabel('Topic').fill('What it is about');
      await dialog.getByRole('button', { name: 'Save' }).click();
      await dialog.waitFor({ state: 'hidden' });
      expect(await panel.getByRole('button', { name: 'Edit room' }).evaluate((b) => b === document.activeElement)).toBe(true);
      await bo.page.getByRole('heading', { level: 1, name: after }).waitFor();
      await bo.page.getByRole('main').locator('header').getByText('What it is about').waitFor();

      const govern = panel.getByRole('button', { name: `Role and membership of ${bo.name}` });
      await govern.click();
      await dialog.getByLabel('Moderator').check();
      await ada.shot('member');
      await dialog.getByRole('button', { name: 'Save' }).click();
      await panel.getByRole('listitem').filter({ hasText: bo.name }).getByText('moderator').waitFor();
      await govern.click();
      await dialog.getByRole('button', { name: 'Remove from the room' }).click();
      await dialog.getByRole('button', { name: 'Remove', exact: true }).click();
      await bo.page.getByRole('main').getByText(`${ada.name} took you out of ${after}.`).waitFor();
      await govern.waitFor({ state: 'detached' });
    });

    test('a public room can be found, joined and left', async () => {
      const [ada, bo] = await Promise.all([stage.person('Ada', device), stage.person('Bo', device)]);
      const room = unique('open');
      await ada.page.getByRole('button', { name: 'Create a room' }).click();
      await ada.page.getByRole('dialog').getByLabel('Name').fill(room);
      await ada.page.getByRole('button', { name: 'Create room' }).click();
      await ada.say('come in');
      await bo.page.getByRole('button', { name: 'Browse rooms' }).click();
      await bo.page.getByRole('dialog').getByLabel('Search rooms').fill(room);
      await bo.page.getByRole('button', { name: `Join ${room}` }).click();
      await bo.message('come in').waitFor();
      if (device === 'phone') await bo.page.getByRole('button', { name: /^People/ }).click();
      await bo.page.getByRole('button', { name: 'Leave room' }).click();
      await bo.page.getByRole('dialog').getByRole('button', { name: 'Leave' }).click();
      await bo.room(room).waitFor({ state: 'detached' });
    });

    test('the text of a message can be copied', async () => {
      const ada = await stage.person('Ada', device);
      await ada.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
      await ada.enter('lobby');
      const text = unique('copy me <b>as I am</b>');
      await ada.say(text);
      await ada.message(text).getByLabel(/^(Sent|Read by)/).waitFor();
      await ada.touch(text);
      // All actions fit into the page, also on a phone.
      const toolbar = await ada.tools(text).boundingBox();
      expect(toolbar!.x).toBeGreaterThanOrEqual(0);
      await ada.act(text, 'Copy text');
      // The toast does not cover the newest message.
      const toast = await ada.page.getByText('Copied.').boundingBox();
      expect(toast!.y + toast!.height).toBeLessThan((await ada.message(text).boundingBox())!.y);
      expect(await ada.page.evaluate(() => navigator.clipboard.readText())).toBe(text);
      await ada.shot('copied');
    });

    test('names are suggested while one types a mention', async () => {
      const [ada, bo] = await Promise.all([stage.person('Ada', device), stage.person('Bo', device)]);
      await bo.enter('random');
      await ada.enter('random');
      const start = bo.name.slice(0, -2);
      const option = ada.page.getByRole('option', { name: bo.name });
      await ada.field.pressSequentially(`Hi @${start}`);
      await option.waitFor();
      await ada.shot('mention');
      if (device === 'phone') await option.tap();
      else await ada.field.press('Enter');
      await option.waitFor({ state: 'detached' });
      await expect.poll(() => ada.field.inputValue()).toBe(`Hi @${bo.name} `);
      await ada.field.pressSequentially('and welcome');
      await ada.page.getByRole('button', { name: 'Send' }).click();
      await bo.log.locator('.mention.me', { hasText: `@${bo.name}` }).waitFor();
    });

    test('people have the status that they chose, and the time when they were last seen', async () => {
      const [ada, bo] = await Promise.all([stage.person('Ada', device), stage.person('Bo', device)]);
      await bo.enter('lobby');
      await ada.enter('lobby');
      if (device === 'phone') await ada.page.getByRole('button', { name: /^People/ }).click();
      const panel = ada.page.getByRole('complementary', { name: 'People' });
      const shown = (status: string) => panel.getByRole('listitem').filter({ hasText: bo.name }).filter({ hasText: status });
      await shown(', Online').waitFor();
      await bo.show('Do not disturb');
      await shown(', Do not disturb').waitFor();
      await ada.shot('busy');
      await bo.show('Invisible');
      await shown(', Offline').waitFor();

      // It outlasts a reload, which others do not notice.
      await bo.page.reload();
      await bo.enter('lobby');
      await bo.say('/list-users');
      const notice = bo.log.locator('.notice', { hasText: 'Only you see this' });
      await notice.filter({ hasText: ada.name }).waitFor();
      await expect.poll(() => notice.filter({ hasText: bo.name }).count()).toBe(0);
      await expect.poll(() => shown(', Offline').count()).toBe(1);

      await bo.show('Online');
      await shown(', Online').waitFor();
      await shown(', Online').getByRole('button').click();
      await ada.page.getByRole('heading', { level: 1, name: bo.name }).waitFor();
      const status = ada.page.locator('.title p');
      await ada.page.getByText('has not accepted your messages yet').waitFor();
      await expect.poll(() => status.filter({ hasText: 'Online' }).count()).toBe(0); // a stranger does not see it
      await ada.say('Good morning');
      await bo.acceptPerson(ada.name);
      await status.filter({ hasText: /^Online$/ }).waitFor();
      await bo.page.goto('about:blank');
      await status.filter({ hasText: /^Offline, last seen at / }).waitFor();
      await ada.shot('last-seen');
    });

    test('the page recovers from a killed server: nothing is lost or doubled', async ({ skip }) => {
      if (!stage.server.kill) return skip('this server may not be killed');
      const [ada, bo] = await Promise.all([stage.person('Ada', device), stage.person('Bo', device)]);
      await ada.enter('lobby');
      await bo.enter('lobby');
      const [before, during, after] = [unique('before'), unique('during'), unique('after')];
      await ada.say(before);
      await bo.message(before).waitFor();

      await stage.server.kill();
      await ada.page.getByRole('main').getByText(/^Reconnecting/).waitFor();
      await ada.say(during);
      await ada.message(during).getByLabel('Sending').waitFor();
      await ada.shot('reconnecting');
      await stage.server.start();

      await bo.message(during).waitFor();
      await ada.message(during).getByLabel(/^(Sent|Read by)/).waitFor();
      await ada.say(after);
      await bo.message(after).waitFor();
      for (const p of [ada, bo]) for (const text of [before, during, after]) await expect.poll(() => p.message(text).count()).toBe(1);
      await bo.page.reload();
      await bo.message(after).waitFor();
      const texts = (await bo.log.locator('article .text').allInnerTexts()).map((t) => t.trim());
      expect(texts.filter((t) => [before, during, after].includes(t))).toEqual([before, during, after]);
      return undefined;
    });
  });
}
