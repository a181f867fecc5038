import { signal } from "@preact/signals";
import { upload } from "../api/client";
import { go } from "./page";

export type Sending =
  | { state: "idle" }
  | { state: "sending"; name: string; share: number; abort: () => void }
  | { state: "failed"; message: string };

export const sending = signal<Sending>({ state: "idle" });
/** A file is held over the page. */
export const dragging = signal(false);

/** Send a clip and open its project. */
export function chooseFile(file: File): void {
  if (sending.peek().state === "sending") return;
  go({ page: "start" });
  const { done, abort } = upload(file, (share) => {
    const now = sending.peek();
    if (now.state === "sending") sending.value = { ...now, share };
  });
  sending.value = { state: "sending", name: file.name, share: 0, abort };
  done
    .then((project) => {
      sending.value = { state: "idle" };
      go({ page: "project", id: project.id });
    })
    .catch((error: { code?: string; message: string }) => {
      sending.value = error.code === "cancelled" ? { state: "idle" } : { state: "failed", message: error.message };
    });
}

const holdsFile = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;

/** The whole window takes a dropped clip, on every page. */
export function acceptDrops(): void {
  let depth = 0;
  window.addEventListener("dragenter", (event) => {
    if (!holdsFile(event)) return;
    depth += 1;
    dragging.value = true;
  });
  window.addEventListener("dragleave", (event) => {
    if (!holdsFile(event)) return;
    depth = Math.max(0, depth - 1);
    dragging.value = depth > 0;
  });
  window.addEventListener("dragover", (event) => holdsFile(event) && event.preventDefault());
  window.addEventListener("drop", (event) => {
    if (!holdsFile(event)) return;
    event.preventDefault();
    depth = 0;
    dragging.value = false;
    const file = event.dataTransfer?.files[0];
    if (file) chooseFile(file);
  });
}
