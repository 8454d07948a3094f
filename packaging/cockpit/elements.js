// SPDX-License-Identifier: LGPL-2.1-or-later
// The pieces of PatternFly that the page is made of. Texts are set as texts, never as markup: they come from guests and other hosts.

/** A new element. A null attribute is left out, a function is a listener. */
export function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (typeof value === "function")
            made.addEventListener(name, value);
        else if (value !== null)
            made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
}

/** Sets a text that may be there already, so that nobody's selection is lost. */
export function text(node, value) {
    if (node.textContent !== value)
        node.textContent = value;
}

/** kind: primary, secondary, danger or link. size: small in tables, else nothing. */
export function button(label, kind, clicked, size = "") {
    return element(
        "button", { class: `pf-v6-c-button pf-m-${kind} ${size && "pf-m-small"}`, type: "button", click: clicked },
        element("span", { class: "pf-v6-c-button__text" }, label));
}

/** kind: success, warning, danger or info. */
export function label(words, kind) {
    return element(
        "span", { class: `pf-v6-c-label pf-m-${kind} pf-m-compact` },
        element("span", { class: "pf-v6-c-label__content" }, element("span", { class: "pf-v6-c-label__text" }, words)));
}

/** kind: warning, danger or info. */
export function notice(title, kind, ...more) {
    return element(
        "div", { class: `pf-v6-c-alert pf-m-inline pf-m-${kind}`, role: "alert" },
        element("p", { class: "pf-v6-c-alert__title" }, title),
        more.length > 0 ? element("div", { class: "pf-v6-c-alert__description" }, ...more) : "");
}

/**
 * Asks before something is done, shows what went wrong, and closes when it was done.
 * act: does it, and gives a promise; null when there is nothing to do here.
 */
export function ask({ title, body, verb, kind, act }) {
    const trouble = element("div");
    const cancel = button(act ? "Cancel" : "Close", "link", () => dialog.close());
    const confirm = act && button(verb, kind, async () => {
        confirm.disabled = true;
        trouble.replaceChildren();
        try {
            await act();
            dialog.close();
        } catch (error) {
            trouble.replaceChildren(notice("It was not done", "danger", error.message || String(error)));
            confirm.disabled = false;
        }
    });
    const dialog = element(
        "dialog", { class: "pf-v6-c-modal-box pf-m-sm", "aria-labelledby": "dialog-title", close: () => dialog.remove() },
        element(
            "header", { class: "pf-v6-c-modal-box__header" },
            element("h1", { class: "pf-v6-c-modal-box__title", id: "dialog-title" }, title)),
        element("div", { class: "pf-v6-c-modal-box__body" }, ...body, trouble),
        element("footer", { class: "pf-v6-c-modal-box__footer" }, ...(confirm ? [confirm] : []), cancel));
    document.body.append(dialog);
    dialog.showModal();
}

/** A labelled field of a form. */
export function field(words, control) {
    return element(
        "div", { class: "pf-v6-c-form__group" },
        element(
            "div", { class: "pf-v6-c-form__group-label" },
            element("label", { class: "pf-v6-c-form__label", for: control.id }, element("span", { class: "pf-v6-c-form__label-text" }, words))),
        element("div", { class: "pf-v6-c-form__group-control" }, element("span", { class: "pf-v6-c-form-control" }, control)));
}
