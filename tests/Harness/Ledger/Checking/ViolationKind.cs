// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Ledger.Checking;

/// <summary>Ways in which a service can break its word.</summary>
public enum ViolationKind
{
    /// <summary>An acknowledged entry is not there, or is another.</summary>
    Lost,

    /// <summary>An entry is there twice.</summary>
    Duplicate,

    /// <summary>An entry is there that nobody asked for, or a number has no entry.</summary>
    Invented,

    /// <summary>A later answer knows fewer entries than an earlier one.</summary>
    PositionWentBack,

    /// <summary>A later answer has an earlier time, or fewer answers before it, or comes from a boot that was over.</summary>
    TimeWentBack,

    /// <summary>No order of the operations explains the answers.</summary>
    NotLinearizable,
}
