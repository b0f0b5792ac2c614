import { expect, test } from 'vitest';
import type { Person } from './browser.ts';
import { Stage, unique } from './stage.ts';
import { violations } from './violations.ts';

const stage = new Stage();

const panel = (p: Person) => p.page.getByRole('complementary', { name: 'Thread', exact: true });
const entry = (p: Person) => p.rooms.getByRole('link', { name: /^Threads/ });
async function answer(p: Person, text: string): Promise<void> {
  await panel(p).getByRole('textbox', { name: 'Reply in thread' }).fill(text);
  await panel(p).getByRole('button', { name: 'Send' }).click();
  await panel(p).getByRole('article').filter({ hasText: text }).getByLabel(/^(Sent|Read by)/).waitFor();
}

test('followed threads are counted in the list, lead to new answers, and can be unfollowed', async () => {
  const [ada, bo] = await Promise.all([stage.person('Ada', 'desktop'), stage.person('Bo', 'phone')]);
  await ada.enter('lobby');
  const [root, one, two, three] = [unique('root'), unique('one'), unique('two'), unique('three')] as const;
  await ada.say(root);
  await bo.enter('lobby');
  await bo.message(root).waitFor();
  await bo.act(root, 'Reply in thread');
  await answer(bo, one);
  // It is new to the author of the root, who looks elsewhere.
  await ada.enter('random');
  await ada.rooms.getByRole('link', { name: /^Threads\W+1 with new replies$/ }).waitFor({ timeout: 60_000 });
  await entry(ada).click();
  const list = ada.page.getByRole('main', { name: 'Threads' });
  await list.getByRole('link').filter({ hasText: root }).filter({ hasText: '1 new reply' }).waitFor();
  await ada.shot('threads');
  expect(await violations(ada.page)).toEqual([]);
  await list.getByRole('link').filter({ hasText: root }).click();
  await panel(ada).getByText(one).waitFor();
  await panel(ada).getByRole('separator').filter({ hasText: /^New$/ }).waitFor();
  await expect.poll(() => entry(ada).textContent(), { timeout: 60_000 }).not.toContain('new replies');
  await ada.shot('thread-new');
  // Unfollowed, and it stays so.
  const bell = panel(ada).getByRole('button', { name: 'Follow this thread' });
  expect(await bell.getAttribute('aria-pressed')).toBe('true');
  await bell.click();
  await ada.page.getByText('You do not follow this thread any more.').waitFor();
  await ada.enter('random');
  await answer(bo, two);
  // On a phone: the list is a page, and its threads lead back to it.
  await bo.page.goto(bo.page.url().replace(/#.*/, '#/threads'));
  await bo.page.getByRole('main', { name: 'Threads' }).getByRole('link').filter({ hasText: root }).waitFor();
  await bo.shot('threads');
  expect(await violations(bo.page)).toEqual([]);
  await ada.page.reload();
  await entry(ada).waitFor();
  await ada.page.getByRole('main', { name: 'Random' }).waitFor();
  expect(await entry(ada).textContent()).not.toContain('new replies');
  // The room lists its threads, followed or not.
  await ada.enter('lobby');
  await ada.page.getByRole('button', { name: 'Threads of this room' }).click();
  const side = ada.page.getByRole('complementary', { name: 'Threads' });
  await side.getByRole('link').filter({ hasText: root }).filter({ hasText: '2 replies' }).waitFor();
  await ada.shot('room-threads');
  expect(await violations(ada.page)).toEqual([]);
  await side.getByRole('link').filter({ hasText: root }).click();
  await panel(ada).getByText(two).waitFor();

  // The next mention may be in a thread only: the jump to it opens the thread.
  await ada.enter('random');
  await bo.page.goBack();
  await panel(bo).waitFor();
  await answer(bo, `${three} @${ada.name}`);
  await ada.room('Lobby').filter({ hasText: 'You are mentioned' }).waitFor({ timeout: 60_000 });
  await ada.enter('lobby');
  await ada.log.focus();
  await ada.page.keyboard.press('m');
  await panel(ada).getByRole('article').filter({ hasText: three }).waitFor();
  expect(ada.page.url()).toMatch(/\/thread\/.+\/\d+$/);
});
