/**
 * Runs a task periodically, and never twice at once: while one run takes long, the next ones are left out. Disposing of
 * it starts no further run.
 *
 * @param task must not reject.
 */
export function every(periodMs: number, task: () => Promise<void>): Disposable {
  let running = false;
  const timer = setInterval(() => {
    if (running) return;
    running = true;
    void task().finally(() => {
      running = false;
    });
  }, periodMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
