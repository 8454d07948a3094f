// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Host.Metrics;

/// <summary>One number of a family.</summary>
/// <param name="Value">In the family's unit.</param>
/// <param name="Labels">What tells it from the family's other numbers.</param>
internal readonly record struct MetricSample(double Value, params (string Name, string Value)[] Labels);
