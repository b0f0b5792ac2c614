import { describe } from '../lang/describe.ts';

/**
 * Something that the user asked for: it runs, and then it is done or has failed. A dialog has one,
 * for its form or for all its buttons.
 */
export class Task {
  /** Which one of several is running, such as the row of a list; undefined: none. */
  at = $state<string>();
  /** Why the latest one failed. */
  problem = $state<string>();

  get busy(): boolean {
    return this.at !== undefined;
  }

  /** Does the work, unless the same is running. A failure becomes the problem. */
  async run(work: () => Promise<unknown>, at = ''): Promise<void> {
    if (this.at === at) return;
    this.at = at;
    this.problem = undefined;
    try {
      await work();
    } catch (err) {
      this.problem = describe(err);
    } finally {
      if (this.at === at) this.at = undefined; // another may have started meanwhile
    }
  }

  /** Returns the handler for a form's submit event. */
  form(work: () => Promise<unknown>): (e: SubmitEvent) => void {
    return (e) => {
      e.preventDefault();
      void this.run(work);
    };
  }
}
