// Starts the console.

import "./style.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { talk } from "./talk/talk";
import { WordsProvider } from "./words";

// For automated tests: the engine with its log of events.
declare global {
  interface Window {
    ringline: { call: typeof talk.call };
  }
}
window.ringline = { call: talk.call };

const root = document.getElementById("root");
if (!root) throw new Error("index.html lacks #root");
createRoot(root).render(
  <StrictMode>
    <WordsProvider>
      <App />
    </WordsProvider>
  </StrictMode>,
);
