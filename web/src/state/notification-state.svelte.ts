import type { NotificationChoices } from '../notify/choices.ts';

/** What is shown of notifications: what the user has chosen, and what is asked of them. */
export class NotificationState {
  choices = $state.raw<NotificationChoices>();
  /** This device is told what is new; undefined: it is not known yet. */
  on = $state<boolean>();
  /** Why somebody may want to be told, and was not asked yet. */
  ask = $state<string>();
}
