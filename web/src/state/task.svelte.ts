import { describe } from '../client/index.ts';

/**
 * What the user has asked for: it is under way, then done or failed. A dialog has one, for its form
 * or for all its buttons.
 */
export class Task {
  /** Which one of several is under way, such as the row of a list; undefined: none. */
  at = $state<string>();
  /** What went wrong with the last one. */
  problem = $state<string>();

  get busy(): boolean {
    return this.at !== undefined;
  }

  /** Does the work, unless the same is under way. A failure becomes the problem. */
  async run(work: () => Promise<unknown>, at = ''): Promise<void> {
    if (this.at === at) return;
    this.at = at;
    this.problem = undefined;
    try {
      await work();
    } catch (err) {
      this.problem = describe(err);
    } finally {
      if (this.at === at) this.at = undefined; // another may have begun meanwhile
    }
  }

  /** Returns what a form does on submit. */
  form(work: () => Promise<unknown>): (e: SubmitEvent) => void {
    return (e) => {
      e.preventDefault();
      void this.run(work);
    };
  }
}
