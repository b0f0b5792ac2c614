import type { User } from '../../client/index.ts';
import { describe } from '../../lang/describe.ts';
import type { Chat } from '../../state/chat.svelte.ts';
import type { Task } from '../../state/task.svelte.ts';

/** How long typing has to pause before the directory is asked, ms. */
const pause = 200;

/** Finds people by a part of their name while it is typed. Made by a component as it begins. */
export class PersonSearch {
  query = $state('');
  /** Those who were found, without the user; undefined: nothing was asked. */
  users = $state.raw<readonly User[]>();

  /** A search that fails is a problem of `task`, until one succeeds. */
  constructor(chat: Chat, task: Task) {
    $effect(() => {
      const q = this.query.trim();
      if (!q) {
        this.users = undefined;
        return;
      }
      let current = true; // only the answer to the last question is shown
      const timer = setTimeout(() => {
        chat.client.directory.findUsers(q).then(
          (found) => current && ((this.users = found.filter((u) => u.id !== chat.client.me.id)), (task.problem = undefined)),
          (err: unknown) => current && (task.problem = describe(err)),
        );
      }, pause);
      return () => {
        current = false;
        clearTimeout(timer);
      };
    });
  }
}
