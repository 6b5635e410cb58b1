import { useCallback, useEffect, useEffectEvent, useRef, useState, useSyncExternalStore } from "react";

const INTERVAL_MILLISECONDS = 2_000;
/** A server that answers slowly is asked less often: at most a tenth of the time goes into one poll … */
const PATIENCE = 9;
/** … but a page that was slow itself, or a machine that slept meanwhile, says nothing about the server. */
const MAX_INTERVAL_MILLISECONDS = 10_000;
const TIMEOUT_MILLISECONDS = 10_000;

export interface Poll<T> {
  /** The last answer; stays while a newer one cannot be had. */
  readonly data: T | null;
  /** What `data` was read for; lags behind while the first answer for a new key is awaited. */
  readonly key: string | null;
  readonly error: unknown;
  /** Since when nothing but errors came, `Date.now()`; null: all is well. */
  readonly failingSince: number | null;
  /** Ask now. */
  readonly refresh: () => void;
}

/** Asks every 2 s while the page can be seen. A new `key` asks at once, for what `read` then reads. */
export function usePoll<T>(read: (signal: AbortSignal) => Promise<T>, key: string, first: T | null = null): Poll<T> {
  const visible = useVisible();
  const [state, setState] = useState<Omit<Poll<T>, "refresh">>({
    data: first,
    key: first === null ? null : key,
    error: null,
    failingSince: null,
  });
  const readNow = useEffectEvent(read);
  const restart = useRef(() => {});

  useEffect(() => {
    if (!visible) return;
    /** @returns what ends it. */
    const start = (): (() => void) => {
      const stop = new AbortController();
      let timer = 0;
      const ask = async (): Promise<void> => {
        const askedAt = performance.now();
        try {
          const data = await readNow(AbortSignal.any([stop.signal, AbortSignal.timeout(TIMEOUT_MILLISECONDS)]));
          if (stop.signal.aborted) return;
          setState({ data, key, error: null, failingSince: null });
        } catch (error) {
          if (stop.signal.aborted) return;
          setState((before) => ({ ...before, error, failingSince: before.failingSince ?? Date.now() }));
        }
        const pause = Math.min(PATIENCE * (performance.now() - askedAt), MAX_INTERVAL_MILLISECONDS);
        timer = window.setTimeout(ask, Math.max(INTERVAL_MILLISECONDS, pause));
      };
      void ask();
      return () => {
        stop.abort();
        clearTimeout(timer);
      };
    };
    let stop = start();
    restart.current = () => {
      stop();
      stop = start();
    };
    return () => {
      stop();
      restart.current = () => {};
    };
  }, [visible, key]);

  const refresh = useCallback(() => restart.current(), []);
  return { ...state, refresh };
}

const useVisible = (): boolean => useSyncExternalStore(onVisibility, () => document.visibilityState === "visible");

function onVisibility(onChange: () => void): () => void {
  document.addEventListener("visibilitychange", onChange);
  return () => document.removeEventListener("visibilitychange", onChange);
}
