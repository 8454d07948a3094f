// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Replication;

/// <summary>A JSON record whose members have ranges that JSON itself cannot state.</summary>
internal interface IJsonRecord
{
    /// <summary>The first member out of its range, in words, or null when all are within.</summary>
    string? FindFault();
}
