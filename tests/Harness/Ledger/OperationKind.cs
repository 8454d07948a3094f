// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Ledger;

/// <summary>What a client can ask of the ledger.</summary>
public enum OperationKind
{
    /// <summary>Adds one entry to an account.</summary>
    Append,

    /// <summary>Asks for an account's newest sequence number and balance.</summary>
    Read,
}
