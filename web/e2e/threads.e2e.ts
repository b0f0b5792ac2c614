import { expect, test } from 'vitest';
import type { Person } from './browser.ts';
import { Stage, unique } from './stage.ts';
import { violations } from './violations.ts';

const stage = new Stage();

const panel = (p: Person) => p.page.getByRole('complementary', { name: 'Thread' });
const replies = (p: Person) => panel(p).getByRole('log', { name: 'Replies' });
const answer = (p: Person, text: string) => replies(p).getByRole('article').filter({ hasText: text });
async function say(p: Person, text: string): Promise<void> {
  await panel(p).getByRole('textbox', { name: 'Reply in thread' }).fill(text);
  await panel(p).getByRole('button', { name: 'Send' }).click();
}
async function begin(p: Person, text: string): Promise<void> {
  await p.act(text, 'Reply in thread');
  await panel(p).waitFor();
}

test('two people talk in a thread, beside the room', async () => {
  const [ada, bo] = await Promise.all([stage.person('Ada', 'desktop'), stage.person('Bo', 'desktop')]);
  await ada.enter('lobby');
  await bo.enter('lobby');
  const [root, one, two, three] = [unique('root'), unique('one'), unique('two'), unique('three')] as const;
  await ada.say(root);
  await bo.message(root).waitFor();

  await begin(bo, root);
  await answer(bo, root).waitFor();
  await say(bo, one);
  await answer(bo, one).getByLabel(/^(Sent|Read by)/).waitFor();
  // The root shows the number of answers to everybody, and the room does not show the answers.
  await ada.message(root).getByRole('link', { name: /1 reply/ }).click();
  await answer(ada, one).waitFor();
  await say(ada, two);
  await answer(bo, two).waitFor();
  await bo.message(root).getByRole('link', { name: /2 replies/ }).waitFor();
  expect(await ada.message(one).count()).toBe(0);
  await bo.shot('thread');
  expect(await violations(bo.page)).toEqual([]);

  await panel(bo).getByLabel('Also send to the room').check();
  await say(bo, three);
  await ada.message(three).getByRole('link', { name: 'replied in a thread' }).waitFor();
  await answer(ada, three).waitFor();
  expect(await panel(bo).getByLabel('Also send to the room').isChecked()).toBe(false);
  await panel(bo).getByRole('separator').filter({ hasText: '3 replies' }).waitFor();

  // An answer is edited, reacted to and deleted in the thread.
  await panel(ada).getByRole('textbox', { name: 'Reply in thread' }).press('ArrowUp');
  await panel(ada).getByRole('textbox', { name: 'Reply in thread' }).fill(`${two} changed`);
  await ada.page.keyboard.press('Enter');
  await answer(bo, `${two} changed`).getByText('(edited)').waitFor();
  await answer(ada, two).hover();
  await answer(ada, two).getByRole('button', { name: 'Delete' }).click();
  await ada.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await bo.message(root).getByRole('link', { name: /2 replies/ }).waitFor();
  await replies(bo).getByText('Message deleted').waitFor();

  // The same after a reload, with the address of the thread.
  await bo.page.reload();
  await answer(bo, one).waitFor();
  await bo.message(root).getByRole('link', { name: /2 replies/ }).waitFor();
  await panel(bo).getByRole('textbox', { name: 'Reply in thread' }).focus();
  await bo.page.keyboard.press('Escape');
  await panel(bo).waitFor({ state: 'hidden' });
  await bo.page.getByRole('complementary', { name: 'People' }).waitFor();
  await bo.shot('thread-root');
});

test('on a phone a thread is a page, with a way back', async () => {
  const [ada, bo] = await Promise.all([stage.person('Ada', 'phone'), stage.person('Bo', 'desktop')]);
  await ada.enter('random');
  await bo.enter('random');
  const [root, one] = [unique('root'), unique('one')] as const;
  await bo.say(root);
  await ada.message(root).waitFor();
  await begin(ada, root);
  await say(ada, one);
  await bo.message(root).getByRole('link', { name: /1 reply/ }).click();
  await answer(bo, one).waitFor();
  await say(bo, 'seen');
  await answer(ada, 'seen').waitFor();
  await ada.shot('thread');
  expect(await violations(ada.page)).toEqual([]);
  await ada.page.getByRole('link', { name: 'Back to Random' }).click();
  await panel(ada).waitFor({ state: 'hidden' });
  await ada.message(root).getByRole('link', { name: /2 replies/ }).waitFor();
  await ada.shot('thread-root');
});
