// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Hooks;

/// <summary>Says whether an annotated guest may start on this host.</summary>
internal interface IStartPermission
{
    /// <summary>Why not, as a sentence for the user; null: it may.</summary>
    string? WhyNot(string guest, string uuid);
}
