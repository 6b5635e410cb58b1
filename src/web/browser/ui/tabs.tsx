import { type KeyboardEvent, type ReactNode, useId, useRef } from "react";

interface TabsProps {
  readonly label: string;
  readonly chosen: string;
  readonly onChoose: (name: string) => void;
  readonly tabs: readonly { readonly name: string; readonly label: string }[];
  /** What the chosen one shows. */
  readonly children: ReactNode;
}

/** The ARIA tabs pattern: arrows move along, and what they reach is chosen. */
export function Tabs({ label, chosen, onChoose, tabs, children }: TabsProps) {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const onKey = (event: KeyboardEvent): void => {
    const at = tabs.findIndex(({ name }) => name === chosen);
    const next = {
      ArrowLeft: (at - 1 + tabs.length) % tabs.length,
      ArrowRight: (at + 1) % tabs.length,
      Home: 0,
      End: tabs.length - 1,
    }[event.key];
    const tab = next === undefined ? undefined : tabs[next];
    if (next === undefined || !tab) return;
    event.preventDefault();
    onChoose(tab.name);
    list.current?.querySelectorAll<HTMLElement>("[role=tab]")[next]?.focus();
  };
  return (
    <div className="tabs">
      <div ref={list} className="tab-list" role="tablist" aria-label={label} onKeyDown={onKey}>
        {tabs.map(({ name, label: words }) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`${id}${name}`}
            aria-controls={`${id}panel`}
            aria-selected={name === chosen}
            tabIndex={name === chosen ? 0 : -1}
            onClick={() => onChoose(name)}
          >
            {words}
          </button>
        ))}
      </div>
      <div className="tab-panel" role="tabpanel" id={`${id}panel`} aria-labelledby={`${id}${chosen}`} tabIndex={0}>
        {children}
      </div>
    </div>
  );
}
