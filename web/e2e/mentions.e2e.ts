import { expect, test } from 'vitest';
import { Api } from '../src/client/index.ts';
import { password, type Person } from './browser.ts';
import { Stage, unique } from './stage.ts';

const stage = new Stage();

const article = (p: Person, word: string) => p.page.getByRole('log', { name: /^Messages in/ }).getByRole('article').filter({ hasText: word });

/** The mentions that a message shows, and those of them that mean the reader. */
async function marked(p: Person, message: string): Promise<{ all: string[]; me: string[] }> {
  const [all, me] = await Promise.all(['.mention', '.mention.me'].map((css) => article(p, message).locator(css).allTextContents()));
  return { all: (await all)!, me: (await me)! };
}

test('mentions of members are marked, and others are not: live, after an edit and after a reload', async () => {
  const [ada, bo, cy] = await Promise.all([stage.person('Ada', 'desktop'), stage.person('Bo', 'phone'), stage.person('Cy', 'desktop')]);
  await cy.close(); // the page has never heard of Cy
  await ada.enter('random');
  await bo.enter('random');
  const [one, two] = [unique('one'), unique('two')];
  await ada.say(`${one} @nobody @everyone ＠${bo.name.toUpperCase()} @${cy.name}, 你好@${bo.name}请看 and \`@${bo.name}\` and @room`);
  await ada.say(`${two} @everyone`);
  const wanted = [`@${bo.name.toUpperCase()}`, `@${cy.name}`, `@${bo.name}`]; // a member may not say @room here
  for (const [p, me] of [[bo, [wanted[0], wanted[2]]], [ada, []]] as const) {
    await article(p, two).waitFor();
    await expect.poll(() => marked(p, one), { timeout: 60_000 }).toEqual({ all: wanted, me });
    expect(await marked(p, two)).toEqual({ all: [], me: [] });
    await p.shot('mentions');
  }
  await ada.act(`${two} @everyone`, 'Edit');
  const field = ada.page.getByRole('textbox', { name: 'Message', exact: true });
  await field.fill(`${two} @${cy.name}`);
  await field.press('Enter');
  await expect.poll(() => marked(bo, two), { timeout: 60_000 }).toEqual({ all: [`@${cy.name}`], me: [] });
  await bo.page.reload();
  await article(bo, two).waitFor();
  expect(await marked(bo, one)).toEqual({ all: wanted, me: [wanted[0], wanted[2]] });
  expect(await marked(bo, two)).toEqual({ all: [`@${cy.name}`], me: [] });
});

test('@room and @here are suggested to users who may use them', async () => {
  const [ada, guest] = await Promise.all([stage.person('Ada', 'desktop'), stage.newcomer('Guest', 'desktop', 'guest')]);
  const api = new Api(stage.server.url);
  const { token } = await api.login(ada.name, password);
  const [open, closed] = [unique('Open'), unique('Closed')];
  await api.createRoom(token, open, '', false);
  await api.createRoom(token, closed, '', true);
  const offered = async (p: Person, words: string) => {
    await p.field.fill('');
    await p.field.pressSequentially(words);
    return p.page.getByRole('listbox', { name: 'Names' }).getByRole('option');
  };
  for (const room of [open, closed]) {
    await ada.enter(room);
    await (await offered(ada, 'hello @h')).getByText('Whoever of them is online').waitFor();
    const options = await offered(ada, '@ro');
    await options.filter({ hasText: /^room/ }).waitFor();
    await ada.shot('mention-room');
    await ada.field.press('Enter');
    expect(await ada.field.inputValue()).toBe('@room ');
  }
  // In a public room members may not use them, and guests nowhere.
  for (const p of [ada, guest]) {
    await p.enter('lobby');
    expect(await (await offered(p, '@ro')).filter({ hasText: /^room/ }).count()).toBe(0);
  }
});
