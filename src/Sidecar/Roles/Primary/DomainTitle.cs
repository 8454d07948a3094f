// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Libvirt;
using Hikae.Protocol.Annotation;
using Hikae.Protocol.Control;
using Hikae.Sidecar.Capture;

namespace Hikae.Sidecar;

/// <summary>The running guest's title: it tells of its protection where the configuration allows that, and is the administrator's own again afterwards.</summary>
/// <remarks>The definition's title is never touched. One that an administrator writes meanwhile is the own one from then on.</remarks>
/// <param name="guest">The guest at its libvirtd.</param>
/// <param name="allowed">[host] title.</param>
internal sealed class DomainTitle(GuestConnection guest, bool allowed)
{
    // metadata thread, and whoever ends it
    private volatile bool _isOwn;

    /// <summary>False: it tells of the protection, or nobody has looked yet.</summary>
    public bool IsOwn => _isOwn;

    /// <summary>Shows a state. Throws <see cref="LibvirtException"/>.</summary>
    public void Show(GuestStatus status)
    {
        if (!allowed || status.State is GuestState.Ending or GuestState.Fenced)
        {
            Restore();
            return;
        }
        _isOwn = false;
        Domain domain = guest.Domain;
        string? found = domain.GetTitle(DomainAffect.Live);
        string wanted = TitleLine.Of(TitleLine.Own(found, domain.Name), domain.Name, status);
        if (found != wanted)
        {
            domain.SetTitle(wanted, DomainAffect.Live);
        }
    }

    /// <summary>Puts back what was there, also what a sidecar left that was killed. Throws <see cref="LibvirtException"/>.</summary>
    public void Restore()
    {
        if (_isOwn)
        {
            return;
        }
        Domain domain = guest.Domain;
        string? found = domain.GetTitle(DomainAffect.Live);
        if (found is not null && TitleLine.IsOurs(found))
        {
            domain.SetTitle(TitleLine.Own(found, domain.Name), DomainAffect.Live);
        }
        _isOwn = true;
    }
}
