// SPDX-License-Identifier: LGPL-2.1-or-later
// Light or dark, as the administrator chose it in Cockpit's shell, which keeps the choice where all its pages find it.
const system = window.matchMedia("(prefers-color-scheme: dark)");

function apply(chosen) {
    const style = chosen || localStorage.getItem("shell:style") || "auto";
    document.documentElement.classList.toggle("pf-v6-theme-dark", style === "dark" || (style === "auto" && system.matches));
}

window.addEventListener("storage", event => { if (event.key === "shell:style") apply(); });
window.addEventListener("cockpit-style", event => apply(event.detail.style));
system.addEventListener("change", () => apply());
apply();
