// SPDX-License-Identifier: LGPL-2.1-or-later
// The table of guests: a row for each, and below it, when it is opened, how it was over time.
import { button, element, label, text } from "./elements.js";
import { Plot, SPAN } from "./plot.js";

const COLUMNS = 9;
const GOOD = ["protected", "ready"];
// A guest that waits runs nowhere.
const BAD = ["unprotected", "fenced", "failed", "waiting"];

function milliseconds(value) {
    return value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${value.toFixed(value >= 100 ? 0 : 1)} ms`;
}

function bytes(value) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    while (value >= 1024 && unit < units.length - 1) {
        value /= 1024;
        unit++;
    }
    return `${value.toFixed(unit === 0 || value >= 100 ? 0 : 1)} ${units[unit]}`;
}

function kindOf(status) {
    if (status.stale || BAD.includes(status.state))
        return "danger";
    return GOOD.includes(status.state) ? "success" : "warning";
}

/** How far something is, while it is under way; else null. */
function percent(progress) {
    return progress && progress.doneBytes < progress.totalBytes ? `${(100 * progress.doneBytes / progress.totalBytes).toFixed(0)} %` : null;
}

function reasonOf(status) {
    if (status.stale)
        return `its sidecar is silent; it was ${status.state} at ${new Date(status.updatedAt).toLocaleString()}`;
    const scan = percent(status.diskScan);
    const fill = percent(status.memoryFill);
    return [status.reason ?? (scan && `its disks are looked through, ${scan}`), fill && `(${fill})`].filter(Boolean).join(" ");
}

class GuestRow {
    constructor(status, actions) {
        this.actions = actions;
        this.samples = [];
        this.stateShown = null;
        this.actionsShown = null;
        this.name = element("strong");
        this.cells = Array.from({ length: 6 }, () => element("td", { class: "pf-v6-c-table__td" }));
        [this.role, this.state, this.peer, this.age, this.pause, this.replica] = this.cells;
        this.buttons = element("td", { class: "pf-v6-c-table__td hikae-actions" });
        this.toggle = element(
            "button", { class: "pf-v6-c-button pf-m-plain", type: "button", "aria-expanded": "false", "aria-label": `Details of ${status.guest}`, click: () => this.open(this.plots.hidden) },
            "▸");
        this.pausePlot = new Plot("Pause for a checkpoint", ["median", "99 %"], milliseconds);
        this.sizePlot = new Plot("Memory on the backup", ["replica"], bytes);
        this.plots = element(
            "tr", { class: "pf-v6-c-table__tr", hidden: "" },
            element(
                "td", { class: "pf-v6-c-table__td", colspan: COLUMNS },
                element("div", { class: "hikae-plots" }, ...(status.role === "primary" ? [this.pausePlot.root] : []), this.sizePlot.root)));
        this.root = element(
            "tbody", { class: "pf-v6-c-table__tbody", "data-guest": status.guest, "data-role": status.role },
            element(
                "tr", { class: "pf-v6-c-table__tr" },
                element("td", { class: "pf-v6-c-table__td hikae-toggle" }, this.toggle),
                element("th", { class: "pf-v6-c-table__th", scope: "row" }, this.name),
                ...this.cells,
                this.buttons),
            this.plots);
    }

    open(isOpen) {
        this.plots.hidden = !isOpen;
        this.toggle.setAttribute("aria-expanded", String(isOpen));
        text(this.toggle, isOpen ? "▾" : "▸");
        this.draw();
    }

    show(status) {
        text(this.name, status.guest);
        text(this.role, status.role === "primary" ? "runs it" : "keeps its replica");
        text(this.peer, status.peer ?? "–");
        text(this.age, status.committedAgeMs === null ? "–" : `${milliseconds(status.committedAgeMs)} old`);
        text(this.pause, status.pauseMsMax > 0 ? `${milliseconds(status.pauseMsP50)} (max ${milliseconds(status.pauseMsMax)})` : "–");
        text(this.replica, status.guestBytes > 0 ? `${bytes(status.backupBytes)} of ${bytes(status.guestBytes)}` : "–");
        this.showState(status);
        this.showActions(status);
        // A silent sidecar's numbers are history, and no new point of a curve.
        if (!status.stale) {
            const now = Date.now();
            this.samples.push({ at: now, pause: status.pauseMsMax > 0 ? [status.pauseMsP50, status.pauseMsP99] : [null, null], size: [status.backupBytes] });
            this.samples = this.samples.filter(sample => now - sample.at <= SPAN * 1000);
        }
        this.draw();
    }

    showState(status) {
        const words = status.stale ? "unknown" : status.state;
        const reason = reasonOf(status);
        const shown = `${words} ${reason}`;
        if (this.stateShown !== shown) {
            this.stateShown = shown;
            this.state.replaceChildren(label(words, kindOf(status)), element("div", { class: "hikae-reason" }, reason));
            this.root.dataset.state = words;
        }
    }

    showActions(status) {
        const shown = [status.role, status.state, status.peer, status.stale].join();
        if (this.actionsShown === shown)
            return;
        this.actionsShown = shown;
        const offered = [];
        if (status.role === "backup" && ["ready", "waiting"].includes(status.state))
            offered.push(button("Fail over…", "secondary", () => this.actions.failover(status), "small"));
        if (status.role === "primary" && status.state === "protected" && status.peer)
            offered.push(button("Fail over…", "link", () => this.actions.elsewhere(status), "small"));
        if (status.role === "primary")
            offered.push(button("Disable…", "secondary", () => this.actions.disable(status), "small"));
        this.buttons.replaceChildren(...offered);
    }

    draw() {
        if (this.plots.hidden || this.samples.length === 0)
            return;
        this.pausePlot.draw(this.samples.map(sample => ({ at: sample.at, values: sample.pause })));
        this.sizePlot.draw(this.samples.map(sample => ({ at: sample.at, values: sample.size })));
    }
}

/** All rows. actions: what the buttons call, each with the status of its guest. */
export class GuestRows {
    constructor(table, actions) {
        this.table = table;
        this.actions = actions;
        this.rows = new Map();
    }

    show(statuses) {
        const wanted = new Set();
        for (const status of statuses) {
            const key = status.uuid + status.role;
            wanted.add(key);
            if (!this.rows.has(key)) {
                this.rows.set(key, new GuestRow(status, this.actions));
                this.table.append(this.rows.get(key).root);
            }
            this.rows.get(key).show(status);
        }
        for (const [key, row] of this.rows) {
            if (!wanted.has(key)) {
                row.root.remove();
                this.rows.delete(key);
            }
        }
        this.table.hidden = statuses.length === 0;
        document.getElementById("protected-none").hidden = statuses.length > 0;
    }
}
