// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Guest.Pages;

/// <summary>Tells how much of each chunk of the guest's memory is read.</summary>
internal interface IReadWatch
{
    /// <summary>Watches for a while, then hands over what was read. Empty: done; else why it cannot be done.</summary>
    string Watch(TimeSpan duration, IReadSink sink);
}
