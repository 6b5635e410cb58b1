import { type ReactNode, useId, useLayoutEffect, useRef } from "react";
import { LiveRegion } from "./announce.tsx";

/** The class of what gets the focus at first. @default the title */
export const FIRST_FOCUS = "first-focus";

interface ModalProps {
  readonly className: string;
  readonly title: ReactNode;
  readonly onClose: () => void;
  /** A click beside it closes it too. @default false */
  readonly light?: boolean;
  /** The id of what a question says: it is read out at once. @default none, it is a place and no question */
  readonly describedBy?: string;
  readonly children: ReactNode;
}

/** Open as long as it is rendered; the browser keeps the focus in it, and takes it back to where it was. */
export function Modal({ className, title, onClose, light = false, describedBy, children }: ModalProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();

  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    element?.querySelector<HTMLElement>(`.${FIRST_FOCUS}`)?.focus();
    // While it is still in the document: an element that is removed does not give the focus back.
    return () => element?.close();
  }, []);

  return (
    <dialog
      ref={dialog}
      className={className}
      aria-labelledby={titleId}
      {...(describedBy ? { role: "alertdialog", "aria-describedby": describedBy } : {})}
      onCancel={(event) => {
        // The event may come from a dialog inside this one, which handles it itself.
        if (event.target !== dialog.current) return;
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (light && event.target === dialog.current && isBeside(event, dialog.current)) onClose();
      }}
    >
      <h2 id={titleId} tabIndex={-1}>
        {title}
      </h2>
      {children}
      <LiveRegion />
    </dialog>
  );
}

function isBeside({ clientX, clientY }: { clientX: number; clientY: number }, element: Element): boolean {
  const { left, right, top, bottom } = element.getBoundingClientRect();
  return clientX < left || clientX > right || clientY < top || clientY > bottom;
}
