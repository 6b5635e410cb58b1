import { API_PATH, render } from "../ui/root.ts";
import { App } from "./app.tsx";

render(<App base={API_PATH} />);
