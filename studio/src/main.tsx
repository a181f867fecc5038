import { render } from "preact";
import { loadLists, place } from "./state/page";
import { acceptDrops, dragging } from "./state/upload";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/layout.css";
import "./styles/timeline.css";
import { Help } from "./ui/help";
import { Icon } from "./ui/icons";
import { onKey } from "./ui/keys";
import { ProjectPage } from "./ui/project_page";
import { StartPage } from "./ui/start_page";
import { Toasts } from "./ui/toasts";
import { TopBar } from "./ui/top_bar";

function App() {
  const now = place.value;
  return (
    <>
      <TopBar />
      {now.page === "project" ? <ProjectPage id={now.id} /> : <StartPage />}
      <Help />
      <Toasts />
      {dragging.value && (
        <div class="drop-cover" aria-hidden="true">
          <Icon name="upload" /> Drop to start a project
        </div>
      )}
    </>
  );
}

acceptDrops();
window.addEventListener("keydown", onKey);
void loadLists();
const root = document.getElementById("app");
if (root) render(<App />, root);
