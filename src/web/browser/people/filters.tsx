import { type SubmitEvent, useEffect, useId, useRef } from "react";
import { ACCOUNT_STATES } from "../../../db/states.ts";
import { type Address, type Go, isFiltered, NO_FILTER } from "./address.ts";
import { w } from "./words.tsx";

/** A search reads many accounts, so it starts with Enter or the button, and not at each key. */
export function Filters({ address, go }: { readonly address: Address; readonly go: Go }) {
  const [searchId, stateId, deptId] = [useId(), useId(), useId()];
  const search = useRef<HTMLInputElement>(null);
  const dept = useRef<HTMLInputElement>(null);
  useEffect(() => search.current?.focus(), []);
  const submit = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    go({ search: search.current?.value.trim() ?? "", dept: dept.current?.value.trim() ?? "" });
  };
  return (
    <search>
      {/* What Back or a link has set is shown by a form that is made anew. */}
      <form className="filters people-filters" key={JSON.stringify([address.search, address.dept])} onSubmit={submit}>
        <div className="filter wide">
          <label htmlFor={searchId}>{w.search}</label>
          <input
            ref={search}
            id={searchId}
            type="search"
            placeholder={w.searchHint}
            maxLength={320}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            defaultValue={address.search}
            data-set={address.search !== ""}
          />
        </div>
        <div className="filter">
          <label htmlFor={stateId}>{w.state}</label>
          <select
            id={stateId}
            value={address.state}
            data-set={address.state !== ""}
            onChange={(event) => go({ state: event.target.value })}
          >
            <option value="">{w.anyState}</option>
            {ACCOUNT_STATES.toReversed().map((state) => (
              <option key={state} value={state}>
                {w.states[state]}
              </option>
            ))}
          </select>
        </div>
        <div className="filter">
          <label htmlFor={deptId}>{w.dept}</label>
          <input
            ref={dept}
            id={deptId}
            placeholder={w.deptHint}
            maxLength={64}
            autoComplete="off"
            defaultValue={address.dept}
            data-set={address.dept !== ""}
          />
        </div>
        <button type="submit" className="button">
          {w.apply}
        </button>
        {isFiltered(address) && (
          <button type="button" className="button quiet" onClick={() => go(NO_FILTER)}>
            {w.clear}
          </button>
        )}
      </form>
    </search>
  );
}
