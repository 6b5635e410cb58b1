/** Lets a loop sleep until a time or a hint, whichever comes first. */
export interface WakeSignal {
  /** Ends the current wait, or the next one at once when nothing waits. */
  notify(): void;
  /** Forgets a notification that nothing has waited for yet. */
  clear(): void;
  /** Resolves after `ms` milliseconds, or when `notify` is called. One waiter at a time. */
  wait(ms: number): Promise<void>;
}

export function createWakeSignal(): WakeSignal {
  let notified = false;
  let wakeUp: (() => void) | null = null;
  return {
    notify() {
      if (wakeUp) wakeUp();
      else notified = true;
    },
    clear() {
      notified = false;
    },
    wait(ms) {
      if (notified || ms <= 0) {
        notified = false;
        return Promise.resolve();
      }
      return new Promise((resolve) => {
        const timer = setTimeout(() => wakeUp?.(), ms);
        wakeUp = () => {
          clearTimeout(timer);
          wakeUp = null;
          resolve();
        };
      });
    },
  };
}
