// SPDX-License-Identifier: LGPL-2.1-or-later
// Curves of what was seen while the page was open.
import { element, text } from "./elements.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 600;
const HEIGHT = 100;

/** Seconds that a plot shows, at most. */
export const SPAN = 600;

/**
 * One plot with a curve for each name.
 * format: a number as people read it.
 */
export class Plot {
    constructor(title, names, format) {
        this.format = format;
        this.curves = names.map((_, index) => {
            const line = document.createElementNS(SVG, "polyline");
            line.setAttribute("class", `hikae-line-${index}`);
            return line;
        });
        const svg = document.createElementNS(SVG, "svg");
        svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
        svg.setAttribute("preserveAspectRatio", "none");
        svg.setAttribute("role", "img");
        svg.setAttribute("aria-label", title);
        svg.append(...this.curves);
        this.top = element("span");
        this.since = element("span");
        this.keys = names.map((name, index) => element("span", { class: `hikae-key hikae-line-${index}` }, element("span", {}, name)));
        this.names = names;
        this.root = element(
            "figure", { class: "hikae-plot" },
            element("figcaption", {}, element("strong", {}, title), element("span", { class: "hikae-scale" }, ...this.keys)),
            element("div", { class: "hikae-scale" }, this.top),
            svg,
            element("div", { class: "hikae-scale" }, this.since, element("span", {}, "now")));
    }

    /** samples: [{ at: milliseconds, values: [a number or null for each curve] }], oldest first. */
    draw(samples) {
        const last = samples[samples.length - 1];
        const first = samples[0];
        const most = Math.max(...samples.flatMap(sample => sample.values).filter(value => value !== null), 0);
        const span = Math.max(last.at - first.at, 1);
        this.curves.forEach((curve, index) => {
            const points = samples
                    .filter(sample => sample.values[index] !== null)
                    .map(sample => {
                        const x = WIDTH * (sample.at - first.at) / span;
                        const y = most > 0 ? HEIGHT * (1 - sample.values[index] / (most * 1.05)) : HEIGHT;
                        return `${x.toFixed(1)},${y.toFixed(1)}`;
                    });
            curve.setAttribute("points", points.join(" "));
            const now = last.values[index];
            text(this.keys[index].firstChild, now === null ? this.names[index] : `${this.names[index]} ${this.format(now)}`);
        });
        text(this.top, this.format(most * 1.05));
        const seconds = Math.round(span / 1000);
        text(this.since, seconds < 90 ? `${seconds} s ago` : `${Math.round(seconds / 60)} min ago`);
    }
}
