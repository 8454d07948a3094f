// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Ledger.Checking;

/// <summary>An operation and the time in which it must have taken effect, by one clock.</summary>
/// <param name="Operation">What was asked and answered.</param>
/// <param name="InvokedAt">It did not take effect before.</param>
/// <param name="AnsweredAt">It took effect before; null: it may also do so later, or never.</param>
public sealed record Interval<TOperation>(TOperation Operation, long InvokedAt, long? AnsweredAt);
