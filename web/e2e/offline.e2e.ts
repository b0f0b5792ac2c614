import { expect, test } from 'vitest';
import type { Person } from './browser.ts';
import { Stage, unique } from './stage.ts';

const stage = new Stage('', undefined, { serviceWorkers: 'allow' });

/** How many people's chats a person's browser has stored, and the texts in them. */
const kept = (person: Person) => person.page.evaluate(async () => {
  const name = `hubbub-offline${new URL('.', document.baseURI).pathname}`;
  if (!(await indexedDB.databases()).some((d) => d.name === name)) return [];
  return new Promise<string[]>((resolve, reject) => {
    const asked = indexedDB.open(name);
    asked.addEventListener('error', () => reject(asked.error ?? new Error('none')));
    asked.addEventListener('success', () => {
      const db = asked.result;
      const all = db.transaction('chats').objectStore('chats').getAll();
      all.addEventListener('success', () => {
        db.close();
        resolve((all.result as { messages: Record<string, { text: string }[]> }[]).flatMap((k) => Object.values(k.messages).flat().map((m) => m.text)));
      });
    });
  });
});

test('without a network the page starts with the last rooms and messages, and sends messages later', async () => {
  if (!stage.server.kill) return; // this server may not be killed
  const ada = await stage.person('Ada', 'desktop');
  const text = unique('last-words');
  await ada.enter('lobby');
  await ada.say(text);
  await ada.message(text).waitFor();
  await ada.page.evaluate(() => navigator.serviceWorker.ready);
  await expect.poll(() => ada.page.evaluate(() => navigator.serviceWorker.controller !== null)).toBe(true);
  await expect.poll(() => kept(ada), { timeout: 30_000 }).toContain(text);

  await stage.server.kill();
  await ada.page.context().setOffline(true);
  await ada.page.reload();
  await ada.room('lobby').waitFor();
  await ada.message(text).waitFor(); // the room was open
  await ada.log.getByText('This is how it was when you were last here.').waitFor();
  await ada.page.getByText('You’re offline.').filter({ visible: true }).waitFor();
  await ada.shot('offline');
  // An edit waits like a message.
  await ada.field.press('ArrowUp');
  await ada.field.fill(`${text} changed`);
  await ada.field.press('Enter');
  await ada.log.getByText('(not saved yet)').waitFor();
  await ada.shot('offline-edit');
  const later = unique('later');
  await ada.say(later);
  await ada.page.reload();
  await ada.room('lobby').waitFor();
  await ada.log.getByText('(not saved yet)').waitFor();

  await stage.server.start();
  await ada.page.context().setOffline(false);
  await ada.message(later).waitFor();
  await ada.message(`${text} changed`).getByText('(edited)').waitFor();
  await expect.poll(() => ada.log.getByText(text).count()).toBe(1);

  await ada.leaveRoom();
  await ada.page.getByRole('button', { name: /Your account and status/ }).click();
  await ada.page.getByRole('dialog').getByRole('button', { name: 'Log out' }).click();
  await ada.page.getByRole('button', { name: 'Log in' }).waitFor();
  await expect.poll(() => kept(ada)).toEqual([]);
});

test('messages written without a network outlast their tab, and another tab sends them once', async () => {
  if (!stage.server.kill) return; // this server may not be killed
  const ada = await stage.person('Ada', 'desktop');
  const text = unique('before');
  await ada.enter('random');
  await ada.say(text);
  await ada.message(text).waitFor();
  await ada.page.evaluate(() => navigator.serviceWorker.ready);
  await expect.poll(() => ada.page.evaluate(() => navigator.serviceWorker.controller !== null)).toBe(true);
  await expect.poll(() => kept(ada), { timeout: 30_000 }).toContain(text);

  await stage.server.kill();
  await ada.page.context().setOffline(true);
  await ada.page.getByText('You’re offline.').filter({ visible: true }).waitFor();
  const [later, never] = [unique('later'), unique('never')];
  await ada.say(later);
  await ada.say(never);
  await ada.message(never).getByRole('button', { name: 'Discard' }).click();
  await ada.message(never).waitFor({ state: 'detached' });
  await ada.act(text, 'React with 👍');
  await ada.log.getByRole('button', { name: /^👍, 1/ }).waitFor();
  await ada.field.press('ArrowUp');
  await ada.field.fill(`${text} changed`);
  await ada.field.press('Enter');
  await ada.log.getByText('(not saved yet)').waitFor();

  // When this tab closes, without a question, another tab has the message: it is not lost.
  const second = await ada.tab();
  await second.log.getByText(text).waitFor();
  expect(await second.message(later).count()).toBe(0);
  let asked = false;
  ada.page.on('dialog', (d) => ((asked = true), void d.accept()));
  await ada.page.close({ runBeforeUnload: true });
  await second.message(later).getByLabel('Sending').waitFor();
  await second.log.getByText('(not saved yet)').waitFor();
  expect(asked).toBe(false);
  await second.shot('outbox');
  // So has a tab that is opened later.
  const url = second.page.url();
  await second.page.close();
  const third = await second.tab(url);
  await third.message(later).getByLabel('Sending').waitFor();
  const fourth = await third.tab();
  await fourth.log.getByText(text).waitFor();

  await stage.server.start();
  await third.page.context().setOffline(false);
  for (const tab of [third, fourth]) {
    await tab.message(later).getByLabel(/^(Sent|Read by)/).waitFor();
    await tab.message(`${text} changed`).getByText('(edited)').waitFor();
    await tab.log.getByRole('button', { name: /^👍, 1/ }).waitFor();
    expect(await tab.message(later).count()).toBe(1);
    expect(await tab.message(never).count()).toBe(0);
    expect(tab.complaints).toEqual([]);
  }
  await third.page.reload();
  await third.message(later).waitFor();
  expect(await third.message(later).count()).toBe(1);
  expect(await third.page.evaluate(() => Object.keys(localStorage).filter((k) => /^hubbub\.(outbox|acts)/.test(k)))).toEqual([]);
});
