import { useCallback, useEffect, useReducer, useRef } from "react";

type Find = () => HTMLElement | null | undefined;

/** Moves the focus after a render, as soon as the element that gets it is there. */
export function useFocusLater(): (find: Find) => void {
  const wanted = useRef<Find | null>(null);
  const [, renderAgain] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    const element = wanted.current?.();
    if (!element) return;
    wanted.current = null;
    element.focus();
  });
  return useCallback((find) => {
    wanted.current = find;
    renderAgain();
  }, []);
}
