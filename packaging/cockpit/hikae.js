// SPDX-License-Identifier: LGPL-2.1-or-later
// The guests of this host as "hikae status --json" tells them, every two seconds while somebody looks, and what an administrator may do with them.
import { ask, button, element, field, notice } from "./elements.js";
import { GuestRows } from "./guests.js";
import "./theme.js";

const cockpit = window.cockpit;
const INTERVAL = 2000;
const NO_DAEMON = 3; // exit status of hikae when hikaed does not run

const permission = cockpit.permission({ admin: true });
const rows = new GuestRows(document.getElementById("protected"), { disable, failover, elsewhere });
let round = 0;
let timer = null;

function run(...command) {
    return cockpit.spawn(command, { superuser: "require", err: "message" });
}

/** Also the definitions of guests that do not run. Each line is a UUID, a space and a name, which may have spaces. */
async function libvirtGuests() {
    const lines = (await run("virsh", "--connect", "qemu:///system", "--quiet", "list", "--all", "--uuid", "--name")).split("\n");
    return lines.filter(line => line.trim().length > 36).map(line => ({ uuid: line.trim().slice(0, 36), name: line.trim().slice(36).trim() }));
}

async function look() {
    const mine = ++round;
    clearTimeout(timer);
    try {
        const statuses = JSON.parse(await run("hikae", "status", "--json"));
        const guests = await libvirtGuests();
        if (mine !== round)
            return;
        rows.show(statuses);
        showOthers(guests.filter(guest => !statuses.some(status => status.uuid === guest.uuid)));
        say();
    } catch (error) {
        if (mine !== round)
            return;
        // What was known before may be wrong now.
        rows.show([]);
        showOthers([]);
        say(error.exit_status === NO_DAEMON
            ? notice("hikaed does not run on this host, so nothing is known of its guests", "danger", error.message)
            : notice("It is not known how the guests stand", "danger", error.message || String(error)));
    }
    if (!cockpit.hidden)
        timer = setTimeout(look, INTERVAL);
}

function say(...notices) {
    document.getElementById("notices").replaceChildren(...notices);
}

function showOthers(guests) {
    const shown = guests.map(guest => guest.uuid + guest.name).join();
    const body = document.getElementById("others");
    document.getElementById("others-card").hidden = guests.length === 0;
    if (body.dataset.shown === shown)
        return;
    body.dataset.shown = shown;
    body.replaceChildren(...guests.map(guest => element(
        "tr", { class: "pf-v6-c-table__tr", "data-guest": guest.name },
        element("td", { class: "pf-v6-c-table__td" }, guest.name),
        element("td", { class: "pf-v6-c-table__td hikae-actions" }, button("Enable…", "secondary", () => enable(guest), "small")))));
}

function enable(guest) {
    const backup = element("input", { id: "backup", type: "text", required: "", autocomplete: "off", spellcheck: "false" });
    const outputs = element(
        "select", { id: "outputs" },
        element("option", { value: "held" }, "wait for the checkpoint: nothing is forgotten"),
        element("option", { value: "unheld" }, "leave at once: a failover may forget what clients saw"));
    ask({
        title: `Protect ${guest.name}`,
        verb: "Enable",
        kind: "primary",
        body: [
            element("p", {}, "Its checkpoints go to another host, which continues the guest when this one dies. It is protected as soon as the first one is there."),
            element(
                "form", { class: "pf-v6-c-form", submit: event => event.preventDefault() },
                field("Backup host", backup), field("Packets it sends", outputs)),
        ],
        act: () => {
            if (!backup.value.trim())
                throw new Error("Name the host that keeps the replica.");
            return change("hikae", "enable", guest.uuid, "--backup", backup.value.trim(), "--outputs", outputs.value);
        },
    });
}

function disable(status) {
    ask({
        title: `Stop protecting ${status.guest}?`,
        verb: "Disable",
        kind: "danger",
        body: [element("p", {}, `It runs on, but when ${status.host} dies the guest dies with it. Its replica on ${status.peer ?? "the backup host"} is dropped.`)],
        act: () => change("hikae", "disable", status.uuid),
    });
}

function plannedWords(status) {
    return `${status.peer ?? "The other host"} lets it go and it goes on here, from its last checkpoint. Nothing is lost, and open connections stay. ` +
        "It is unprotected until the other host keeps a replica of it.";
}

function lostWords(status) {
    return `${status.peer ?? "Its host"} is lost and the guest runs nowhere. It goes on here at once, from its last checkpoint, before others whose turn it is and also where this host's memory ` +
        "does not suffice: then this host may swap or end processes. What it did after that checkpoint is lost; with packets held, nobody was told of it.";
}

function failover(status) {
    ask({
        title: `Continue ${status.guest} on ${status.host}?`,
        verb: "Fail over",
        kind: "danger",
        body: [element("p", {}, status.state === "waiting" ? lostWords(status) : plannedWords(status))],
        act: () => change("hikae", "failover", status.uuid),
    });
}

/** A failover is asked for where the replica is. */
function elsewhere(status) {
    ask({
        title: `Continue ${status.guest} on ${status.peer}`,
        body: [element("p", {}, `A planned failover is asked for on the host that has the replica: log in to Cockpit on ${status.peer}, or run there:`),
            element("p", {}, element("code", {}, `hikae failover ${status.guest}`))],
    });
}

async function change(...command) {
    await run(...command);
    look();
}

function start() {
    if (permission.allowed === null)
        return;
    if (permission.allowed) {
        look();
    } else {
        round++;
        clearTimeout(timer);
        rows.show([]);
        showOthers([]);
        say(notice("Turn on administrative access to see and change how guests are protected", "info"));
    }
}

cockpit.addEventListener("visibilitychange", () => { if (!cockpit.hidden) start(); });
permission.addEventListener("changed", start);
cockpit.transport.wait(start);
